import type { Bus } from "../contract/bus.ts";
import type { Health } from "../contract/health.ts";
import type { OperationId, RoomId, UserId } from "../core/ids.ts";
import type { AuthMode } from "../core/login.ts";
import type { Commit, MemberState, RoomRole } from "../core/operations.ts";
import type {
  MemberRecord,
  RefusalReport,
  Refused,
  RoomRecord,
  UserRecord,
} from "../core/records.ts";

/** Who sends a request: somebody at the node's own socket, or an address of a network. */
export type Caller =
  | { readonly kind: "socket" }
  | { readonly kind: "tcp"; readonly address: string };

/** What the API reads, bound to the store by whoever opened it. */
export interface Reads {
  findUser(user: UserId): UserRecord | null;
  findUserByName(name: string): UserRecord | null;
  listUsers(page: {
    readonly after?: UserId | undefined;
    readonly limit: number;
  }): readonly UserRecord[];
  listRoomsOf(
    user: UserId,
  ): readonly (RoomRecord & { readonly role: RoomRole; readonly state: MemberState })[];
  findRoom(room: RoomId): RoomRecord | null;
  listRooms(page: {
    readonly after?: RoomId | undefined;
    readonly limit: number;
    readonly name?: string | undefined;
    readonly createdBy?: "anonymous" | undefined;
  }): readonly RoomRecord[];
  countMembers(room: RoomId): number;
  findMember(member: { readonly room: RoomId; readonly user: UserId }): MemberRecord | null;
  listMembers(page: {
    readonly room: RoomId;
    readonly after?: UserId | undefined;
    readonly limit: number;
  }): readonly MemberRecord[];
}

/** A request that was refused, or let through under soft, for want of a signature. */
export interface RefusedRequest extends Refused {
  readonly kind: "request";
  readonly reason: "unsigned";
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
