import type { Bus } from "../contract/bus.ts";
import type { Health } from "../contract/health.ts";
import type { InviteId, NodeTokenId, OperationId, RoomId, TokenId, UserId } from "../core/ids.ts";
import type { AuthMode } from "../core/login.ts";
import type { Commit, MemberState, RoomRole } from "../core/operations.ts";
import type {
  InviteRecord,
  MemberRecord,
  NodeRecord,
  NodeTokenRecord,
  RefusalReport,
  Refused,
  RequestRefusal,
  RoomRecord,
  TokenRecord,
  UserRecord,
} from "../core/records.ts";

/** Who sends a request: somebody at the node's own socket, or an address of a network. */
export type Caller =
  | { readonly kind: "socket" }
  | { readonly kind: "tcp"; readonly address: string };

/** What the API reads, bound to the store by whoever opened it. */
export interface Reads {
  /**
   * Reads several things of one state of the database, without waiting between. Each read alone asks
   * the kernel for a lock, which takes longer than the read.
   */
  atOnce<Result>(read: () => Result): Result;
  findUser(user: UserId): UserRecord | null;
  findUserByName(name: string): UserRecord | null;
  listUsers(page: {
    readonly after?: UserId | undefined;
    readonly limit: number;
    readonly replaced?: boolean;
  }): readonly UserRecord[];
  /** A user and the keys that took its place one after the other. */
  listSuccessors(user: UserId): readonly UserRecord[];
  listRoomsOf(
    user: UserId,
  ): readonly (RoomRecord & { readonly role: RoomRole; readonly state: MemberState })[];
  findRoom(room: RoomId): RoomRecord | null;
  listRooms(page: {
    readonly after?: RoomId | undefined;
    readonly limit: number;
    readonly name?: string | undefined;
    readonly createdBy?: "anonymous" | undefined;
    readonly visibleTo?: UserId | undefined;
  }): readonly RoomRecord[];
  countMembers(room: RoomId): number;
  findMember(member: { readonly room: RoomId; readonly user: UserId }): MemberRecord | null;
  listMembers(page: {
    readonly room: RoomId;
    readonly after?: UserId | undefined;
    readonly limit: number;
  }): readonly MemberRecord[];
  findToken(token: TokenId): TokenRecord | null;
  /** The tokens of one user by id, expired ones too. */
  listTokens(page: {
    readonly user: UserId;
    readonly after?: TokenId | undefined;
    readonly limit: number;
  }): readonly TokenRecord[];
  findInvite(invite: InviteId): InviteRecord | null;
  listInvites(page: {
    readonly after?: InviteId | undefined;
    readonly limit: number;
  }): readonly InviteRecord[];
  findNodeToken(token: NodeTokenId): NodeTokenRecord | null;
  /** The nodes that joined by a token, by name. */
  listNodes(): readonly NodeRecord[];
  /** Whether the journal has an entry that was signed so; `signatureId` is as in an operation. */
  isSignatureUsed(signatureId: string): boolean;
  /** What `If-Match` is compared with. */
  userVersion(record: UserRecord): string;
  roomVersion(record: RoomRecord): string;
}

/** How this node takes part in its cluster, as it is told to the local operator. */
export interface ClusterView {
  readonly cluster: string;
  /** This node's name. */
  readonly node: string;
  readonly mode: AuthMode;
  /** Names of the nodes that it has routes to. */
  readonly connected: readonly string[];
  /** Of those, names of the nodes whose unibus does not answer, and of those whose users are kept out. */
  readonly hung: readonly string[];
  readonly fenced: readonly string[];
  /** End of its route certificate; null without one. */
  readonly certificateEndsAt: number | null;
  /** Where its API is reached. */
  readonly urls: readonly string[];
  /** Certificate of the authority for routes, PEM; null without TLS. */
  readonly ca: string | null;
  /** Whether CA and secret are being replaced. */
  readonly rolling: boolean;
  readonly secret: { readonly user: string; readonly password: string } | null;
  /** Routes to this node and to those that it was told of, without the secret. */
  readonly routes: readonly string[];
}

/** A request that was refused, or let through under soft, because it did not prove who sends it. */
export interface RefusedRequest extends Refused {
  readonly kind: "request";
  readonly reason: RequestRefusal;
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
  /** Id of the bus, which a new node of a cluster learns late: what certificates and records are for. */
  readonly busId: () => string;
  /** When this node began to answer, ms since the epoch: it remembers no nonce from before. */
  readonly startedAt: number;
  /** Requests per second, and at once, by address before and by user after it is known who asks. */
  readonly rates: {
    readonly addressPerSecond: number;
    readonly addressBurst: number;
    readonly userPerSecond: number;
    readonly userBurst: number;
  };
  /** Proxies, as CIDRs, whose `x-forwarded-for` is believed. */
  readonly trustedProxies: readonly string[];
  readonly randomBytes: (length: number) => Uint8Array;
  /** Whose process this is: the evidence of what comes in by the socket. */
  readonly uid: number;
  /** False where a public bind refuses plain rooms. */
  readonly plainRooms: boolean;
  readonly commit: Commit;
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly elapsed: () => number;
  readonly newOperationId: () => OperationId;
  readonly read: Reads;
  /** `counts`: whether it may tell how many are connected. */
  readonly health: (asked: { readonly counts: boolean }) => Health | Promise<Health>;
  readonly bus: () => Bus;
  /** Null for a node on its own. */
  readonly cluster: { readonly view: () => Promise<ClusterView | null> };
  readonly refusals: () => RefusalReport | Promise<RefusalReport>;
  readonly countRefusal: (refused: RefusedRequest) => void;
  /** Every Host that is this node's, as clients send it: lower case, a port unless it is the default. */
  readonly ownHosts: () => readonly string[];
  readonly log: RequestLog;
}
