import type { Bus } from "../contract/bus.ts";
import type { Health } from "../contract/health.ts";
import type { OperationId, RoomId, UserId } from "../core/ids.ts";
import type { AuthMode } from "../core/login.ts";
import type {
  BusRole,
  Commit,
  HistoryClass,
  MemberState,
  RoomRole,
  UserState,
} from "../core/operations.ts";
import type { AcceptSetting } from "../core/rules/members.ts";

/** Who sends a request: somebody at the node's own socket, or an address of a network. */
export type Caller =
  | { readonly kind: "socket" }
  | { readonly kind: "tcp"; readonly address: string };

export interface UserRow {
  readonly user: UserId;
  readonly name: string | null;
  readonly role: BusRole;
  readonly state: UserState;
  readonly accept: AcceptSetting;
  readonly createdAt: number;
  readonly changedAt: number;
}

export interface RoomRow {
  readonly room: RoomId;
  readonly name: string;
  readonly history: HistoryClass;
  readonly shard: string;
  readonly content: "plain";
  readonly createdAt: number;
  readonly createdBy: string;
}

export interface MemberRow {
  readonly room: RoomId;
  readonly user: UserId;
  readonly role: RoomRole;
  readonly state: MemberState;
  readonly addedAt: number;
}

/** What the API reads, bound to the store by whoever opened it. */
export interface Reads {
  findUser(user: UserId): UserRow | null;
  findUserByName(name: string): UserRow | null;
  listUsers(page: {
    readonly after?: UserId | undefined;
    readonly limit: number;
  }): readonly UserRow[];
  listRoomsOf(
    user: UserId,
  ): readonly (RoomRow & { readonly role: RoomRole; readonly state: MemberState })[];
  findRoom(room: RoomId): RoomRow | null;
  listRooms(page: {
    readonly after?: RoomId | undefined;
    readonly limit: number;
    readonly name?: string | undefined;
    readonly createdBy?: "anonymous" | undefined;
  }): readonly RoomRow[];
  countMembers(room: RoomId): number;
  findMember(member: { readonly room: RoomId; readonly user: UserId }): MemberRow | null;
  listMembers(page: {
    readonly room: RoomId;
    readonly after?: UserId | undefined;
    readonly limit: number;
  }): readonly MemberRow[];
}

/** Something refused, or let through under soft; `nats/refusals.ts` keeps the same of its plane. */
export interface RefusedRow {
  readonly at: number;
  readonly kind: "login" | "publish" | "subscribe" | "request";
  readonly reason: string;
  readonly address: string;
  readonly user: string;
  readonly subject: string;
  readonly admitted: boolean;
}

/** What was refused since the start, by kind and reason, and the last of it. */
export interface RefusalReport {
  readonly counts: Readonly<Record<string, number>>;
  readonly last: readonly RefusedRow[];
}

/** A request that was refused, or let through under soft, for want of a signature. */
export interface RefusedRequest extends RefusedRow {
  readonly kind: "request";
  readonly reason: "unsigned";
}

/** Counters by kind and reason, and the last refusals, oldest first. */
export interface RefusalReport {
  readonly counts: Readonly<Record<string, number>>;
  readonly last: readonly RefusedRow[];
}

/** The API's part of the log; `system/log.ts` makes one. */
export interface RequestLog {
  info(event: string, message: string, fields?: LogFields): void;
  error(event: string, message: string, fields?: LogFields): void;
}
type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** Everything that the API does to the world, as functions; nothing of it is ours to open or close. */
export interface AppParts {
  readonly mode: AuthMode;
  readonly version: string;
  /** Whose process this is: the evidence of what comes in by the socket. */
  readonly uid: number;
  /** False where a public bind refuses plain rooms. */
  readonly plainRooms: boolean;
  readonly commit: Commit;
  readonly now: () => number;
  readonly newOperationId: () => OperationId;
  readonly read: Reads;
  readonly health: () => Health | Promise<Health>;
  readonly bus: () => Bus;
  readonly refusals: () => RefusalReport | Promise<RefusalReport>;
  readonly countRefusal: (refused: RefusedRequest) => void;
  /** Every Host that is this node's, as clients send it: lower case, a port unless it is the default. */
  readonly ownHosts: () => readonly string[];
  readonly log: RequestLog;
}
