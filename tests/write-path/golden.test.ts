// Tries src/core/entry.ts and src/store/chain.ts: the encoding and the chain that data on disk has.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  type Entry,
  parseOutcome,
  renderChanges,
  renderEntry,
  renderOutcome,
} from "../../src/core/entry.ts";
import type { Beginning, Change, Operation } from "../../src/core/operations.ts";
import { apply } from "../../src/store/apply.ts";
import { firstChain, nextChain } from "../../src/store/chain.ts";
import { getBus } from "../../src/store/journal.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import {
  aGenesis,
  anInvite,
  anOperation,
  anOperationId,
  anonymous,
  aRoom,
  asToken,
  asUser,
  aToken,
  aUser,
  inviteCreate,
  inviteRedeem,
  keyReplacement,
  openTestBus,
  roomCreate,
  tokenCreate,
  userUpdate,
} from "../harness/builders.ts";
import { expectGolden } from "../harness/golden.ts";
import { nodeAnnounced, nodeJoined, nodeToken } from "../harness/node-builders.ts";

const alice = aUser("alice");
const bob = aUser("bob");
const carol = aUser("carol");
const dave = aUser("dave");
const room = aRoom("lobby");
const den = aRoom("den");
const vault = aRoom("vault");
const token = aToken("alice's");
const invite = anInvite("carol's");

type Case = readonly [Change, Partial<Operation>];

/** A room as the first version made it: rooms had no genesis. */
function oldRoomCreate(...given: Parameters<typeof roomCreate>): Change {
  const { genesis: _, ...old } = { genesis: null, ...roomCreate(...given) };
  // What data on disk holds, and the type does not say any more.
  return old as Change;
}

/** What the first version wrote, and every later one reads: never edited. */
const FIRST_OPERATIONS: readonly Case[] = [
  [{ kind: "user.seed", user: alice, name: "Alice" }, {}],
  [
    { kind: "user.add", user: bob, name: null, role: "member" },
    {
      actor: asUser(alice),
      // As above: signatures had no certificate.
      evidence: {
        ...{ kind: "signature", base: '"@method": POST', signature: "c2ln", body: "{}" },
      } as Operation["evidence"],
      signatureId: "5".repeat(64),
      idempotencyKey: "bob, once",
    },
  ],
  [oldRoomCreate(room, { name: "Zoë's 部屋", shard: "b" }), { actor: asUser(alice) }],
  [
    { kind: "member.add", room, user: bob, role: "writer" },
    { actor: asUser(bob), evidence: { kind: "token", token: "t1" } },
  ],
  [{ kind: "member.add", room, user: bob, role: "reader" }, {}],
  [{ kind: "member.accept", room, user: bob }, { actor: asUser(bob) }],
  [{ kind: "user.revoke", user: bob }, { at: 1_600_000_000_000 }],
  [{ kind: "user.restore", user: bob }, { signatureId: "5".repeat(64) }],
  [{ kind: "member.remove", room, user: bob }, {}],
  [oldRoomCreate(aRoom("attic")), { actor: anonymous, evidence: { kind: "none" } }],
  [{ kind: "room.delete", room }, {}],
];

/** One of each change, of each actor, of each evidence; applied and refused. */
const OPERATIONS: readonly Case[] = [
  ...FIRST_OPERATIONS,
  [userUpdate(alice, { accept: "all" }), { actor: asUser(alice) }],
  [userUpdate(bob, { name: "Bob", role: "admin", ifVersion: "none" }), {}],
  [{ kind: "user.restore", user: bob }, {}],
  [
    roomCreate(vault, { owner: alice, genesis: aGenesis() }),
    {
      actor: asUser(alice),
      evidence: {
        ...{ kind: "signature", base: '"@method": POST', signature: "c2ln" },
        ...{ certificate: `${alice}.c2ln`, body: '{"name":"vault"}' },
      },
      signatureId: "6".repeat(64),
    },
  ],
  [{ kind: "member.add", room: vault, user: bob, role: "reader" }, { actor: asUser(alice) }],
  [roomCreate(den), { actor: asUser(alice) }],
  [tokenCreate(alice, { token, label: "laptop", room: den }), { actor: asUser(alice) }],
  [
    { kind: "room.update", room: den, name: "cave", ifVersion: null },
    { actor: asToken(alice, token), evidence: { kind: "token", token } },
  ],
  [inviteCreate({ invite, rooms: [{ room: den, role: "reader" }] }), { actor: asUser(alice) }],
  [inviteRedeem(invite, carol, "Carol"), { actor: asUser(carol) }],
  [{ kind: "invite.revoke", invite }, {}],
  [inviteCreate({ invite: anInvite("nobody's"), role: "admin" }), {}],
  [{ kind: "invite.revoke", invite: anInvite("nobody's") }, {}],
  [{ kind: "user.replace-key", user: alice, by: dave }, {}],
  [{ kind: "token.revoke", token }, { actor: asUser(dave) }],
  [{ kind: "room.delete", room: vault }, { actor: asUser(dave) }],
  [nodeToken("north's"), {}],
  [nodeJoined("north's"), { actor: asUser(dave) }],
  [nodeJoined("north's", { node: "south" }), {}],
  [nodeAnnounced("north"), { evidence: { kind: "none" } }],
  [nodeAnnounced("south", { route: null, certificate: null, certificateEndsAt: null }), {}],
  [nodeAnnounced("east"), {}],
  [{ kind: "node.removed", node: "south" }, { actor: asUser(dave) }],
  [{ kind: "node.removed", node: "south" }, {}],
];

/** The compiler asks for every kind, and the test for a case of each. */
const KINDS: Readonly<Record<Exclude<Change["kind"], Beginning["kind"] | "bus.raise">, true>> = {
  ...{ "user.seed": true, "user.add": true, "user.revoke": true, "user.restore": true },
  ...{ "user.update": true, "user.replace-key": true, "token.create": true, "token.revoke": true },
  ...{ "invite.create": true, "invite.revoke": true, "invite.redeem": true, "room.create": true },
  ...{ "room.update": true, "room.delete": true, "member.add": true, "member.accept": true },
  ...{ "member.remove": true, "node.token": true, "node.joined": true },
  ...{ "node.announced": true, "node.removed": true },
};

const byKey: Operation["evidence"] = {
  ...{ kind: "signature", base: '"@method": POST', signature: "c2ln" },
  ...{ certificate: `${alice}.c2ln`, body: "{}" },
};

/** What level 2 writes otherwise: never edited once a later level is there. */
const LEVEL_2_OPERATIONS: readonly Case[] = [
  [{ kind: "user.seed", user: alice, name: "Alice" }, {}],
  [{ kind: "user.add", user: bob, name: "Bob", role: "member" }, { actor: asUser(alice) }],
  [roomCreate(room), { actor: asUser(alice) }],
  [{ kind: "member.add", room, user: bob, role: "member" }, { actor: asUser(alice) }],
  // Rights that are taken are remembered, and not given back at once.
  [{ kind: "member.add", room, user: bob, role: "reader" }, { actor: asUser(alice) }],
  [
    { kind: "member.add", room, user: bob, role: "member" },
    { actor: asUser(alice), evidence: byKey, signatureId: "7".repeat(64), idempotencyKey: "again" },
  ],
  [
    { kind: "member.remove", room, user: bob },
    { actor: asUser(alice), at: 1_700_000_100_000 },
  ],
  // A key has a successor, and is revoked with it.
  [keyReplacement(bob, carol), { actor: asUser(bob), evidence: byKey }],
  [{ kind: "user.restore", user: bob }, {}],
  [{ kind: "user.revoke", user: bob }, { actor: asUser(alice) }],
  [{ kind: "user.restore", user: bob }, {}],
  // The last admin and the last owner are lost by saying so alone.
  [{ kind: "member.remove", room, user: alice }, {}],
  [{ kind: "member.remove", room, user: alice, orphan: true }, {}],
  [userUpdate(alice, { role: "member" }), {}],
  [userUpdate(alice, { role: "member", orphan: true }), {}],
  [{ kind: "bus.raise", level: 2 }, {}],
  // Of a long change that is refused there is a digest.
  [
    inviteCreate({
      ...{ invite: anInvite("long"), label: "long" },
      rooms: Array.from({ length: 10 }, (_, at) => ({ room: aRoom(`${at}`), role: "owner" })),
    }),
    { actor: asUser(bob) },
  ],
];

function fixedBus({ level }: { readonly level: number }) {
  let part = 0;
  return openTestBus({ level, random: (sizeBytes) => new Uint8Array(sizeBytes).fill(++part) });
}

test("the encoding of entries, outcomes and rows of level 1, and the chain over them, are fixed", () => {
  using bus = fixedBus({ level: 1 });
  for (const [index, [change, more]] of OPERATIONS.entries()) {
    const fixed = { id: anOperationId(`operation ${index}`), at: 1_700_000_000_000 + index };
    apply(bus.store, { seq: index + 1, operation: anOperation(change, { ...fixed, ...more }) });
  }
  const kinds: readonly string[] = OPERATIONS.map(([{ kind }]) => kind);
  expect([...new Set(kinds)].sort()).toEqual(Object.keys(KINDS).sort());
  const entries = bus.store.database
    .query<object, []>(
      "SELECT entry, outcome, changes, lower(hex(chain)) AS chain FROM journal ORDER BY seq",
    )
    .all();
  const { busId, generation } = getBus(bus.store);
  expectGolden("entry-chain.json", { busId, generation, entries });
  expect(verifyJournal(bus.store).entries).toBe(OPERATIONS.length);
});

test("the encoding of what level 2 brought is fixed, and the way to it from level 1", () => {
  using bus = fixedBus({ level: 1 });
  const first: Case = [{ kind: "user.add", user: dave, name: null, role: "member" }, {}];
  const replaced: Case = [{ kind: "user.replace-key", user: dave, by: aUser("dave, later") }, {}];
  const raised: Case = [{ kind: "bus.raise", level: 2 }, { evidence: { kind: "none" } }];
  const operations = [first, replaced, raised, ...LEVEL_2_OPERATIONS];
  for (const [index, [change, more]] of operations.entries()) {
    const fixed = { id: anOperationId(`level 2, ${index}`), at: 1_700_000_000_000 + index };
    apply(bus.store, { seq: index + 1, operation: anOperation(change, { ...fixed, ...more }) });
  }
  const entries = bus.store.database
    .query<object, []>(
      "SELECT entry, outcome, changes, lower(hex(chain)) AS chain FROM journal ORDER BY seq",
    )
    .all();
  const { busId, generation } = getBus(bus.store);
  expectGolden("entry-chain-level-2.json", { busId, generation, entries });
  expect(verifyJournal(bus.store).entries).toBe(operations.length);
  // What proved a refused request is kept as a digest.
  const { entry: last } = entries.at(-1) as { readonly entry: string };
  expect(JSON.parse(last).operation.change).toEqual({
    kind: "invite.create",
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const refused = entries.map((row) => JSON.stringify(row)).filter((row) => row.includes("again"));
  expect(refused).toHaveLength(1);
  expect(refused[0]).toContain("sha256");
  expect(refused[0]).not.toContain("@method");
});

test("the chain can be recomputed from its description alone", async () => {
  using bus = fixedBus({ level: 2 });
  await bus.addUser();
  const row = bus.store.database
    .query<Record<"entry" | "outcome" | "changes", string> & { chain: Uint8Array }, []>(
      "SELECT entry, outcome, changes, chain FROM journal",
    )
    .get();
  const sha256 = (...parts: readonly (string | Uint8Array)[]) => {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const sized = (text: string) => {
    const bytes = Buffer.from(text);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(bytes.length);
    return Buffer.concat([size, bytes]);
  };
  const level = Buffer.from([0, 0, 0, 2]);
  const first = sha256("unibus/1 journal", Buffer.alloc(16, 1), Buffer.alloc(16, 2), level);
  const { entry = "", outcome = "", changes = "", chain } = row ?? {};
  const expected = sha256(first, sized(entry), sized(outcome), sha256(changes));
  expect(Buffer.from(chain ?? []).toString("hex")).toBe(expected.toString("hex"));
});

test("no two journals share a chain by where their parts begin", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const zeros = { busId: "00".repeat(16), generation: "00".repeat(16), level: 1 };
  const start = firstChain(zeros);
  const link = (entry: string, outcome: string, changes: string) =>
    nextChain(start, {
      entry: bytes(entry),
      outcome: bytes(outcome),
      changes: bytes(changes),
    }).toHex();
  expect(new Set([link("ab", "c", "[]"), link("a", "bc", "[]"), link("abc", "", "[]")]).size).toBe(
    3,
  );
  expect(firstChain({ ...zeros, busId: "01".repeat(16) })).not.toEqual(
    firstChain({ ...zeros, generation: "01".repeat(16) }),
  );
  expect(firstChain({ ...zeros, level: 2 })).not.toEqual(firstChain({ ...zeros, level: 3 }));
});

test("the words of a refusal are not part of the history", () => {
  const inWords = (detail: string) =>
    renderOutcome({ status: "refused", refusal: { code: "forbidden", detail } });
  expect(inWords("Cannot")).toBe(inWords("Cannot, and here is why"));
});

test("an entry reads back as what went into it", () => {
  const entry: Entry = { seq: 7, operation: anOperation({ kind: "user.revoke", user: bob }) };
  expect(JSON.parse(renderEntry(entry))).toEqual({ format: 1, ...entry });
  const refused = {
    status: "refused",
    refusal: { code: "user-not-found", detail: "Cannot" },
  } as const;
  expect(parseOutcome(renderOutcome(refused), "Cannot")).toEqual(refused);
  const applied = {
    status: "applied",
    effects: [{ kind: "rights.changed", users: [bob] }],
  } as const;
  expect(parseOutcome(renderOutcome(applied), null)).toEqual(applied);
  expect(renderChanges([])).toBe("[]");
});
