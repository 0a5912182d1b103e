import type { RoomId, UserId } from "./ids.ts";
import type { BusRole, HistoryClass, MemberState, RoomRole, UserState } from "./operations.ts";
import type { AcceptSetting } from "./rules/members.ts";

/** A user, as the store keeps it and the API reads it. Times are ms since the epoch. */
export interface UserRecord {
  readonly user: UserId;
  readonly name: string | null;
  readonly role: BusRole;
  readonly state: UserState;
  readonly accept: AcceptSetting;
  readonly createdAt: number;
  readonly changedAt: number;
}

/** A room. */
export interface RoomRecord {
  readonly room: RoomId;
  readonly name: string;
  readonly history: HistoryClass;
  readonly shard: string;
  readonly content: "plain";
  readonly createdAt: number;
  /** `operator`, `anonymous`, or a user id. */
  readonly createdBy: string;
}

/** A membership, pending ones too. */
export interface MemberRecord {
  readonly room: RoomId;
  readonly user: UserId;
  readonly role: RoomRole;
  readonly state: MemberState;
  readonly addedAt: number;
}

/** Something refused, or let through under soft, as an admin sees it. */
export interface Refused {
  readonly at: number;
  readonly kind: "login" | "publish" | "subscribe" | "request";
  readonly reason: string;
  /** Address of the client, or "" where it is not known. */
  readonly address: string;
  /** The key that was offered, or "" when none was; never a password or token. */
  readonly user: string;
  /** Subject of a publish or subscription, method and route of a request; "" for a login. */
  readonly subject: string;
  /** True under soft: it was let through, and enforce would have refused it. */
  readonly admitted: boolean;
}

/** What was refused since the start, by kind and reason, and the last of it. */
export interface RefusalReport {
  readonly counts: Readonly<Record<string, number>>;
  readonly last: readonly Refused[];
}
