import type { InviteId, NodeTokenId, RoomId, TokenId, UserId } from "./ids.ts";
import type {
  AcceptSetting,
  BusRole,
  HistoryClass,
  InviteRoom,
  MemberState,
  RoomRole,
  TokenScope,
  UserState,
} from "./operations.ts";
import type { PROBLEMS, ProblemCode } from "./problems.ts";

/** A user, as the store keeps it and the API reads it. Times are ms since the epoch. */
export interface UserRecord {
  readonly user: UserId;
  readonly name: string | null;
  readonly role: BusRole;
  readonly state: UserState;
  readonly accept: AcceptSetting;
  readonly createdAt: number;
  readonly changedAt: number;
  /** The key that took its place; null while none did. */
  readonly successor: UserId | null;
  /** Which of its user's keys it is: 1 is the first. */
  readonly keyNumber: number;
}

export type RoomContent = "plain" | "encrypted";

/** A room. */
export interface RoomRecord {
  readonly room: RoomId;
  readonly name: string;
  readonly history: HistoryClass;
  readonly shard: string;
  readonly content: RoomContent;
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

/** A bearer token, as the store keeps it: whose it is, and what proves it. */
export interface TokenRecord {
  readonly token: TokenId;
  readonly user: UserId;
  readonly label: string;
  readonly scope: TokenScope;
  readonly room: RoomId | null;
  /** SHA-256 of the secret, in hex. */
  readonly hash: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** An invite to the bus, as the store keeps it. */
export interface InviteRecord {
  readonly invite: InviteId;
  readonly label: string;
  readonly role: BusRole;
  readonly rooms: readonly InviteRoom[];
  /** The public key, in hex, whose secret is the invite. */
  readonly verifier: string;
  /** `operator` or a user id. */
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Who used it; null while nobody has. */
  readonly redeemedBy: UserId | null;
}

/** A way into the cluster for one new node. */
export interface NodeTokenRecord {
  readonly token: NodeTokenId;
  /** `operator` or a user id. */
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Name of the node that used it; null while none has. */
  readonly usedBy: string | null;
}

/** A node that joined by a token, or told of itself; a removed one too, as its name is used up. */
export interface NodeRecord {
  readonly node: string;
  /** Where other nodes reach it: host:port. */
  readonly route: string | null;
  readonly certificate: string | null;
  readonly certificateEndsAt: number | null;
  /** Null for a node that joined by no token. */
  readonly joinedAt: number | null;
  readonly clientUrls: readonly string[];
  readonly apiUrls: readonly string[];
  /** This and `level` are null until it has told of itself. */
  readonly version: string | null;
  /** The newest level that it knows. */
  readonly level: number | null;
  /** When it last told something new; null while it never did. */
  readonly announcedAt: number | null;
  /** Null while it is one of the nodes. */
  readonly removedAt: number | null;
}

/** Why a request is not who it says it is: what enforce answers with 401, and soft only counts. */
export type RequestRefusal = {
  [Code in ProblemCode]: (typeof PROBLEMS)[Code]["status"] extends 401 ? Code : never;
}[ProblemCode];

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
