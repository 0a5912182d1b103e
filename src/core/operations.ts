import type { CanonicalValue } from "./canonical.ts";
import type { InviteId, NodeTokenId, OperationId, RoomId, TokenId, UserId } from "./ids.ts";
import { LEVEL_FIRST } from "./level.ts";
import type { Refusal } from "./problems.ts";

export const BUS_ROLES = ["admin", "member"] as const;
export type BusRole = (typeof BUS_ROLES)[number];
export const ROOM_ROLES = ["owner", "member", "reader", "writer"] as const;
export type RoomRole = (typeof ROOM_ROLES)[number];
export type UserState = "active" | "revoked";
export type MemberState = "pending" | "active";
/** `k`: kept in history; `n`: never kept. A token of the subject, fixed when the room is made. */
export type HistoryClass = "k" | "n";
/** Whose adding a user takes without being asked; `none`: nobody's but the local operator's. */
export const ACCEPT_SETTINGS = ["from-admins", "all", "none"] as const;
export type AcceptSetting = (typeof ACCEPT_SETTINGS)[number];
/** What a token may do at most: look; also publish and manage rooms; also what an admin may. */
export const TOKEN_SCOPES = ["read", "write", "admin"] as const;
export type TokenScope = (typeof TOKEN_SCOPES)[number];

/**
 * Who acts: the operator at the node's own socket, a user by key or by one of its tokens, or nobody
 * known (off, soft). Redeeming an invite, a key acts that is no user yet.
 */
export type Actor =
  | { readonly kind: "operator" }
  | { readonly kind: "user"; readonly user: UserId }
  | { readonly kind: "token"; readonly user: UserId; readonly token: TokenId }
  | { readonly kind: "anonymous" };

/** What proves the actor, kept with the entry for the audit. */
export type Evidence =
  | { readonly kind: "local"; readonly uid: number }
  | {
      /** A signed request (RFC 9421): its signature base, the signature, and the key's certificate. */
      readonly kind: "signature";
      readonly base: string;
      readonly signature: string;
      readonly certificate: string;
      readonly body: string;
    }
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "none" }
  /** What is left of the evidence of a refused operation from level 2 on: SHA-256 of it, in hex. */
  | { readonly kind: "digest"; readonly of: string; readonly sha256: string };

// What is inside a change is a `type`: to the compiler an interface is no canonical value.

/** A record and its maker's signature over it, both in base64url. */
export type SignedRecord = { readonly record: string; readonly signature: string };

/** A room that an invite leads into, with the role there. */
export type InviteRoom = { readonly room: RoomId; readonly role: RoomRole };

/**
 * Signatures over the bus, the old key, the new one and its number, in base64url: the new key's, and the
 * old one's unless somebody else than the user itself replaces it.
 */
export type KeyReplacementProof = {
  /** The new key's number among the keys of its user; the first one has 1. */
  readonly number: number;
  readonly byNew: string;
  readonly byOld: string | null;
};

/** The operator may leave the bus without an admin, or a room without an owner, if it says so. */
type Orphaning = { readonly orphan?: true };

/** A change that somebody asks for: data only, with every chosen value in it. */
export type Change =
  | {
      readonly kind: "bus.found";
      readonly busId: string;
      readonly generation: string;
      /** The level that the bus begins at; entries of the first level name none. */
      readonly level?: number;
    }
  | {
      readonly kind: "bus.continued";
      readonly busId: string;
      readonly generation: string;
      /** The last entry before. */
      readonly lastSeq: number;
      /** The chain after it, in hex. */
      readonly chain: string;
    }
  /** From the next entry on the bus has this level. */
  | { readonly kind: "bus.raise"; readonly level: number }
  | { readonly kind: "user.seed"; readonly user: UserId; readonly name: string | null }
  | {
      readonly kind: "user.add";
      readonly user: UserId;
      readonly name: string | null;
      readonly role: BusRole;
    }
  | ({ readonly kind: "user.revoke"; readonly user: UserId } & Orphaning)
  | { readonly kind: "user.restore"; readonly user: UserId }
  | ({
      readonly kind: "user.update";
      readonly user: UserId;
      /** Null leaves as it is what it names. */
      readonly name: string | null;
      readonly role: BusRole | null;
      readonly accept: AcceptSetting | null;
      /** The version that the caller saw, or null for any. */
      readonly ifVersion: string | null;
    } & Orphaning)
  | {
      readonly kind: "user.replace-key";
      readonly user: UserId;
      /** The key that takes its place. */
      readonly by: UserId;
      /** Demanded from level 2 on; verified where the request came in. */
      readonly proof?: KeyReplacementProof;
    }
  | {
      readonly kind: "token.create";
      readonly token: TokenId;
      readonly user: UserId;
      readonly label: string;
      readonly scope: TokenScope;
      /** The one room it is for, or null for all of the user's. */
      readonly room: RoomId | null;
      /** SHA-256 of the secret, in hex: the secret itself is nowhere. */
      readonly hash: string;
      readonly expiresAt: number;
    }
  | { readonly kind: "token.revoke"; readonly token: TokenId }
  | {
      readonly kind: "invite.create";
      readonly invite: InviteId;
      readonly label: string;
      readonly role: BusRole;
      readonly rooms: readonly InviteRoom[];
      /** The public key, in hex, whose secret is the invite. */
      readonly verifier: string;
      readonly expiresAt: number;
    }
  | { readonly kind: "invite.revoke"; readonly invite: InviteId }
  | {
      readonly kind: "invite.redeem";
      readonly invite: InviteId;
      readonly user: UserId;
      readonly name: string | null;
    }
  | {
      readonly kind: "room.create";
      readonly room: RoomId;
      readonly name: string;
      readonly history: HistoryClass;
      /** One hex digit, by which history can be spread over streams. */
      readonly shard: string;
      /** Who becomes its owner; null only for the operator, who adds one later. */
      readonly owner: UserId | null;
      /** The first record of an encrypted room's log; null for a plain room. */
      readonly genesis: SignedRecord | null;
    }
  | {
      readonly kind: "room.update";
      readonly room: RoomId;
      readonly name: string;
      /** The version that the caller saw, or null for any. */
      readonly ifVersion: string | null;
    }
  | { readonly kind: "room.delete"; readonly room: RoomId }
  | ({
      readonly kind: "member.add";
      readonly room: RoomId;
      readonly user: UserId;
      readonly role: RoomRole;
    } & Orphaning)
  | { readonly kind: "member.accept"; readonly room: RoomId; readonly user: UserId }
  | ({ readonly kind: "member.remove"; readonly room: RoomId; readonly user: UserId } & Orphaning)
  | {
      readonly kind: "node.token";
      /** Made from the secret, which it does not tell. */
      readonly token: NodeTokenId;
      readonly expiresAt: number;
    }
  | {
      readonly kind: "node.joined";
      readonly token: NodeTokenId;
      /** The new node's name, as --server-name has it. */
      readonly node: string;
      /** Where other nodes reach it: host:port. */
      readonly route: string;
      /** SHA-256 of its route certificate, in hex; null where an authority elsewhere makes it. */
      readonly certificate: string | null;
      /** End of that certificate. */
      readonly certificateEndsAt: number | null;
    }
  | {
      readonly kind: "node.announced";
      /** Its name, as --server-name has it. */
      readonly node: string;
      /** Where other nodes reach it: host:port; null where it does not know. */
      readonly route: string | null;
      /** NATS URLs for clients. */
      readonly clientUrls: readonly string[];
      /** Origins of its API. */
      readonly apiUrls: readonly string[];
      /** Of its unibus. */
      readonly version: string;
      /** The newest level that it knows. */
      readonly format: number;
      /** SHA-256 of its route certificate, in hex; null without one. */
      readonly certificate: string | null;
      /** End of that certificate. */
      readonly certificateEndsAt: number | null;
    }
  | { readonly kind: "node.removed"; readonly node: string };

export type ChangeKind = Change["kind"];
export type ChangeOf<Kind extends ChangeKind> = Extract<Change, { kind: Kind }>;

/** What a node tells the others of itself. */
export type NodeAnnouncement = Omit<ChangeOf<"node.announced">, "kind">;

/** What a cluster's journal begins with. */
export type Beginning = Extract<Change, { kind: "bus.found" | "bus.continued" }>;

/** One entry's content: who asked for which change, when, and what proves it. */
export interface Operation {
  /** The lowest level whose nodes can read it: see `formatOf`. */
  readonly format: number;
  readonly id: OperationId;
  /** Milliseconds since the epoch, by the node that took the request. */
  readonly at: number;
  readonly actor: Actor;
  readonly evidence: Evidence;
  /** Digest of (key id, nonce) of a signed request; a second use is refused. */
  readonly signatureId: string | null;
  /** The caller's Idempotency-Key; a repeat gets the recorded outcome. */
  readonly idempotencyKey: string | null;
  /** Digest of what the caller sent, so that a repeat can be told from another request. */
  readonly requestDigest: string;
  readonly change: Change;
}

/**
 * The format of an operation: a node that knows only lower levels stops at it, instead of applying it by
 * rules that it does not have.
 */
export function formatOf(change: Change): number {
  const beginsOrRaises = change.kind === "bus.found" || change.kind === "bus.raise";
  return beginsOrRaises ? (change.level ?? LEVEL_FIRST) : LEVEL_FIRST;
}

/** What each node does after the commit; idempotent, recomputed at boot. */
export type Effect =
  /** The rights of these users changed: connections that lost something are kicked. */
  | { readonly kind: "rights.changed"; readonly users: readonly UserId[] }
  /** A user is told something on `me.<nkey>.<event>`. */
  | {
      readonly kind: "user.told";
      readonly user: UserId;
      readonly event: "room.gained" | "room.lost" | "room.changed" | "room.invited";
      readonly room: RoomId;
      readonly role: RoomRole | null;
    };

export type Outcome =
  | { readonly status: "applied"; readonly effects: readonly Effect[] }
  | { readonly status: "refused"; readonly refusal: Refusal };

/** One changed row, as the chain sees it: the new row, or null when it is gone. */
export interface RowChange {
  readonly table:
    | "users"
    | "rooms"
    | "members"
    | "geneses"
    | "tokens"
    | "invites"
    | "node_tokens"
    | "nodes"
    | "rights_taken";
  readonly key: string;
  readonly row: { readonly [column: string]: CanonicalValue } | null;
}

/** What `commit` answers. */
export interface Committed {
  readonly seq: number;
  readonly outcome: Outcome;
  /** True when this operation was applied before and the recorded outcome is returned. */
  readonly repeated: boolean;
}

/** Gives an operation its place in the order, applies it, and answers its outcome. */
export type Commit = (operation: Operation) => Promise<Committed>;
