import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type InviteId,
  inviteIdOf,
  isOperationId,
  type OperationId,
  type RoomId,
  roomIdOf,
  type TokenId,
  tokenIdOf,
  type UserId,
} from "../../src/core/ids.ts";
import { userKeyOf } from "../../src/core/nkey.ts";
import {
  type Actor,
  type Change,
  type ChangeOf,
  type Committed,
  type Effect,
  formatOf,
  type KeyReplacementProof,
  type Operation,
  type Outcome,
  type SignedRecord,
} from "../../src/core/operations.ts";
import { openWritePath, type WritePath } from "../../src/server/write-path.ts";
import { createBus } from "../../src/store/apply-bus.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { TABLE_NAMES } from "../../src/store/tables.ts";
import { bytesOf, privateKeyOf, publicBytesOf } from "./ed25519.ts";

export const operator: Actor = { kind: "operator" };
export const anonymous: Actor = { kind: "anonymous" };

export function asUser(user: UserId): Actor {
  return { kind: "user", user };
}

export function asToken(user: UserId, token: TokenId): Actor {
  return { kind: "token", user, token };
}

/** The public key of a real key pair: of a random one, or always the same one for a label. */
export function aUser(label?: string): UserId {
  return userKeyOf(publicBytesOf(privateKeyOf(bytesOf(label))));
}

/** A room id: a random one, or always the same one for a label. */
export function aRoom(label?: string): RoomId {
  return roomIdOf(bytesOf(label));
}

/** A token's id, as `aRoom`. */
export function aToken(label?: string): TokenId {
  return tokenIdOf(bytesOf(label));
}

/** An invite's id, as `aRoom`. */
export function anInvite(label?: string): InviteId {
  return inviteIdOf(bytesOf(label));
}

export function anOperationId(label?: string): OperationId {
  const id = bytesOf(label).toString("hex");
  if (!isOperationId(id)) throw new Error(`${id} is no operation id`);
  return id;
}

/** When `anOperation` is asked for, and what the clock of the API under test shows; ms since the epoch. */
export const NOW = 1_700_000_000_000;

/** A whole operation around a change; the local operator's unless `more` says otherwise. */
export function anOperation(change: Change, more: Partial<Operation> = {}): Operation {
  return {
    format: formatOf(change),
    id: anOperationId(),
    at: NOW,
    actor: operator,
    evidence: { kind: "local", uid: 1000 },
    signatureId: null,
    idempotencyKey: null,
    requestDigest: createHash("sha256").update(JSON.stringify(change)).digest("hex"),
    change,
    ...more,
  };
}

/** The change that makes a room, with whole defaults. */
export function roomCreate(
  room: RoomId,
  more: Partial<Omit<ChangeOf<"room.create">, "kind" | "room">> = {},
): Change {
  return {
    kind: "room.create",
    room,
    name: "lobby",
    history: "k",
    shard: "0",
    owner: null,
    genesis: null,
    ...more,
  };
}

/** What makes a room encrypted, as the store sees it: a text and a signature that it does not judge. */
export function aGenesis(label = "genesis"): SignedRecord {
  return { record: Buffer.from(label).toString("base64url"), signature: "s".repeat(86) };
}

/** The change that makes a token, with whole defaults: it lives an hour. */
export function tokenCreate(
  user: UserId,
  more: Partial<ChangeOf<"token.create">> = {},
): ChangeOf<"token.create"> {
  return {
    kind: "token.create",
    token: aToken(),
    user,
    label: "",
    scope: "write",
    room: null,
    hash: "0".repeat(64),
    expiresAt: NOW + 3_600_000,
    ...more,
  };
}

/** The change that makes an invite, with whole defaults: of a member, for a day, into no room. */
export function inviteCreate(
  more: Partial<ChangeOf<"invite.create">> = {},
): ChangeOf<"invite.create"> {
  return {
    kind: "invite.create",
    invite: anInvite(),
    label: "",
    role: "member",
    rooms: [],
    verifier: "0".repeat(64),
    expiresAt: NOW + 86_400_000,
    ...more,
  };
}

/** The change by which a key uses an invite. */
export function inviteRedeem(
  invite: InviteId,
  user: UserId,
  name: string | null = null,
): ChangeOf<"invite.redeem"> {
  return { kind: "invite.redeem", invite, user, name };
}

/** The change of a user's record that names nothing else than `more`. */
export function userUpdate(
  user: UserId,
  more: Partial<ChangeOf<"user.update">>,
): ChangeOf<"user.update"> {
  return {
    kind: "user.update",
    user,
    name: null,
    role: null,
    accept: null,
    ifVersion: null,
    ...more,
  };
}

/**
 * The change by which a key takes the place of a user's first one, signed by both; the store does not
 * judge signatures.
 */
export function keyReplacement(
  user: UserId,
  by: UserId,
  more: Partial<KeyReplacementProof> = {},
): ChangeOf<"user.replace-key"> {
  const signature = "s".repeat(86);
  const proof = { number: 2, byNew: signature, byOld: signature, ...more };
  return { kind: "user.replace-key", user, by, proof };
}

/** A store and its write path in a temporary folder. */
export interface TestBus extends Disposable {
  readonly path: string;
  readonly store: Store;
  readonly writePath: WritePath;
  /** Commits a change, as the operator unless said otherwise. */
  commit(change: Change, actor?: Actor, more?: Partial<Operation>): Promise<Committed>;
  /** Commits a change that has to be applied, and returns its effects. */
  must(change: Change, actor?: Actor, more?: Partial<Operation>): Promise<readonly Effect[]>;
  /** Commits a change and says how it went: a problem's code, or `applied`. */
  try(change: Change, actor?: Actor, more?: Partial<Operation>): Promise<string>;
  /** Adds an active user of its own. */
  addUser(role?: "admin" | "member"): Promise<UserId>;
  /** Makes a room with an owner, if one is named. */
  addRoom(owner?: UserId): Promise<RoomId>;
  /** Makes an encrypted room. */
  addEncryptedRoom(owner: UserId): Promise<RoomId>;
  /** Everything stored but the journal, for "nothing else was written". */
  rows(): string;
}

/** Opens a bus that begins at the newest level, unless another one is asked for. */
export function openTestBus(
  options: { readonly random?: (sizeBytes: number) => Uint8Array; readonly level?: number } = {},
): TestBus {
  const folder = mkdtempSync(join(tmpdir(), "unibus-store-"));
  const path = join(folder, "unibus.db");
  const { random = randomBytes, level = null } = options;
  const store = openStore({ path, random: level === null ? random : null });
  if (level !== null) {
    const [busId, generation] = [random(16), random(16)].map((id) =>
      Buffer.from(id).toString("hex"),
    );
    createBus(store.database, { busId: busId ?? "", generation: generation ?? "", level });
  }
  const bus = testBusOn({ path, store, writePath: openWritePath(store) });
  return {
    ...bus,
    [Symbol.dispose]: () => {
      store[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What tests do with a write path, whichever journal orders its entries. */
export function testBusOn(parts: {
  readonly path: string;
  readonly store: Store;
  readonly writePath: WritePath;
}): Omit<TestBus, typeof Symbol.dispose> {
  const { store, writePath } = parts;
  const commit = (change: Change, actor: Actor = operator, more: Partial<Operation> = {}) =>
    writePath.commit(anOperation(change, { actor, ...more }));
  const must: TestBus["must"] = async (change, ...more) => {
    const { outcome } = await commit(change, ...more);
    if (outcome.status === "applied") return outcome.effects;
    throw new Error(`${change.kind} was refused: ${outcome.refusal.detail}`);
  };
  return {
    ...parts,
    commit,
    must,
    try: async (change, ...more) => codeOfOutcome((await commit(change, ...more)).outcome),
    addUser: async (role = "member") => {
      const user = aUser();
      await must({ kind: "user.add", user, name: null, role });
      return user;
    },
    addRoom: async (owner) => {
      const room = aRoom();
      await must(roomCreate(room, { owner: owner ?? null }));
      return room;
    },
    addEncryptedRoom: async (owner) => {
      const room = aRoom();
      await must(roomCreate(room, { owner, genesis: aGenesis(room) }), asUser(owner));
      return room;
    },
    rows: () => rowsOf(store),
  };
}

export function codeOfOutcome(outcome: Outcome): string {
  return outcome.status === "applied" ? "applied" : outcome.refusal.code;
}

/** What `rows` says of a bus where nothing was made. */
export const NO_ROWS = JSON.stringify(TABLE_NAMES.map(() => []));

/** The rows that the journal made, as one text. */
export function rowsOf({ database }: Store): string {
  return JSON.stringify(
    TABLE_NAMES.map((table) => database.query(`SELECT * FROM ${table} ORDER BY 1, 2`).all()),
  );
}
