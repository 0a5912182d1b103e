import type { Room } from "../contract/rooms.ts";
import type { User } from "../contract/users.ts";

/** One page of a list. */
export interface PageOptions {
  readonly limit?: number;
  readonly after?: string;
}

/** One page of a list, or by name what few have. */
export interface ListOptions extends PageOptions {
  readonly name?: string;
  /** Users too whose keys were replaced. */
  readonly all?: boolean;
}

export interface ChangeOptions {
  /** Repeating a change with the same key makes it happen once; a new one is made if none is given. */
  readonly idempotencyKey?: string;
}

/** What may leave the bus without an admin, or a room without an owner. */
export interface OrphanOptions extends ChangeOptions {
  /** True where that is meant; only the local operator may. */
  readonly orphan?: boolean;
}

export interface EditOptions extends ChangeOptions {
  /** The version that was looked at; another one by now is "version-conflict". */
  readonly ifMatch?: string;
}

/** A membership by the ids of its two sides. */
export interface MemberName {
  readonly room: Room["room"];
  readonly user: User["user"];
}
