/** Random operations on a small bus, most of which find something to act on. */
import fc from "fast-check";
import { ADMIN_TOKEN_LIFE_MS_MAX, TOKEN_LIFE_MS_MAX } from "../../src/core/limits.ts";
import type { Actor, Change, Operation } from "../../src/core/operations.ts";
import {
  aGenesis,
  anInvite,
  anOperation,
  anonymous,
  aRoom,
  asToken,
  asUser,
  aToken,
  aUser,
  inviteCreate,
  keyReplacement,
  operator,
  roomCreate,
  tokenCreate,
} from "./builders.ts";

export const USERS = Array.from({ length: 8 }, (_, at) => aUser(`model ${at}`));
export const ROOMS = Array.from({ length: 5 }, (_, at) => aRoom(`model ${at}`));
export const INVITES = Array.from({ length: 3 }, (_, at) => anInvite(`model ${at}`));
/** Every user's own, so that tokens that act are often there. */
const TOKENS = new Map(USERS.map((user, at) => [user, aToken(`model ${at}`)]));
/** Users that a run begins with; the others come by being added, invited, or a new key. */
const FIRST_USERS = USERS.slice(0, 5);
const ADMIN = USERS[0] ?? aUser();
/** The owners of the rooms that a run begins with. */
const OWNERS = new Map(ROOMS.slice(1).map((room, at) => [room, USERS[at] ?? ADMIN]));

const user = fc.constantFrom(...USERS);
const room = fc.constantFrom(...ROOMS);
const token = fc.constantFrom(...TOKENS.values());
const invite = fc.constantFrom(...INVITES);
const name = fc.constantFrom(null, null, null, "Alice", "alice", "Bob");
const busRole = fc.constantFrom("admin", "member");
const role = fc.constantFrom("owner", "member", "reader", "writer");
const scope = fc.constantFrom("read", "write", "admin");
const noVersion = { ifVersion: fc.constant(null) };
/** Operations name times from 0 to 1000, so some of these are over before others begin. */
const expiresAt = fc.constantFrom(500, ADMIN_TOKEN_LIFE_MS_MAX, TOKEN_LIFE_MS_MAX);

const anybody: fc.Arbitrary<Actor> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(operator) },
  { weight: 3, arbitrary: user.map(asUser) },
  { weight: 3, arbitrary: user.map((one) => asToken(one, TOKENS.get(one) ?? aToken())) },
  { weight: 1, arbitrary: fc.tuple(user, token).map(([one, id]) => asToken(one, id)) },
  { weight: 1, arbitrary: fc.constant(anonymous) },
);

const userUpdate: fc.Arbitrary<Change> = fc
  .record({
    kind: fc.constant("user.update"),
    user,
    name,
    role: fc.option(busRole),
    accept: fc.option(fc.constantFrom("all", "none", "from-admins")),
    ...noVersion,
  })
  .filter((change) => change.name !== null || change.role !== null || change.accept !== null);

const userChange: fc.Arbitrary<Change> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("user.seed"), user, name }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("user.add"), user, name, role: busRole }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("user.revoke"), user }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("user.restore"), user }) },
  { weight: 3, arbitrary: userUpdate },
  {
    weight: 1,
    arbitrary: fc
      .record({ user, by: user, number: fc.constantFrom(2, 2, 2, 3) })
      .map(({ user: old, by, number }) => keyReplacement(old, by, { number })),
  },
);

const secretChange: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc
      .record({ token: fc.option(token), scope, room: fc.option(room), expiresAt, user })
      .map(({ user: own, token: id, ...more }) =>
        tokenCreate(own, { token: id ?? TOKENS.get(own) ?? aToken(), ...more }),
      ),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("token.revoke"), token }) },
  {
    weight: 2,
    arbitrary: fc
      .record({
        invite,
        role: busRole,
        rooms: fc.uniqueArray(fc.record({ room, role }), {
          maxLength: 2,
          selector: ({ room: into }) => into,
        }),
        expiresAt,
      })
      .map(inviteCreate),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("invite.revoke"), invite }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("invite.redeem"), invite, user, name }) },
);

const nobodyOr = fc.option(user);
const plainOr = fc.option(fc.constant(aGenesis()), { freq: 2 });
const roomCreation: fc.Arbitrary<Change> = fc.record({
  kind: fc.constant("room.create"),
  room,
  name: fc.constant("lobby"),
  history: fc.constantFrom("k", "n"),
  shard: fc.constantFrom("0", "f"),
  owner: nobodyOr,
  genesis: plainOr,
});

const roomChange: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: roomCreation },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("room.update"),
      room,
      name: fc.constantFrom("lobby", "attic"),
      ...noVersion,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("room.delete"), room }) },
);

const memberChange: fc.Arbitrary<Change> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("member.add"), room, user, role }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("member.accept"), room, user }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("member.remove"), room, user }) },
);

/** Who may most often do it: the user itself, the first owner of the room, or the first admin. */
function rightful(change: Change): Actor {
  const own = ["token.create", "invite.redeem", "member.accept", "user.replace-key"];
  if ("user" in change && own.includes(change.kind)) return asUser(change.user);
  if (change.kind === "room.create" && change.owner !== null) return asUser(change.owner);
  const owner = "room" in change && change.room !== null ? OWNERS.get(change.room) : null;
  return asUser(owner ?? ADMIN);
}

export const operation: fc.Arbitrary<Operation> = fc
  .record({
    actor: anybody,
    isRightful: fc.integer({ min: 0, max: 2 }),
    change: fc.oneof(
      { weight: 2, arbitrary: userChange },
      { weight: 3, arbitrary: secretChange },
      { weight: 1, arbitrary: roomChange },
      { weight: 3, arbitrary: memberChange },
    ),
    at: fc.integer({ min: 0, max: 1_000 }),
  })
  .map(({ actor, isRightful, change, at }) =>
    anOperation(change, { actor: isRightful > 0 ? rightful(change) : actor, at }),
  );

/** What every run begins with, so that most of what follows has something to act on. */
export const PRELUDE: readonly Operation[] = [
  ...FIRST_USERS.map((one): Change => {
    return { kind: "user.add", user: one, name: null, role: one === ADMIN ? "admin" : "member" };
  }),
  ...[...OWNERS].map(([one, owner]) => roomCreate(one, { owner })),
  ...INVITES.map((one) => inviteCreate({ invite: one, expiresAt: TOKEN_LIFE_MS_MAX })),
  ...FIRST_USERS.map((one) =>
    tokenCreate(one, { token: TOKENS.get(one) ?? aToken(), expiresAt: TOKEN_LIFE_MS_MAX }),
  ),
].map((change) =>
  anOperation(change, {
    at: 0,
    actor: change.kind === "token.create" ? asUser(change.user) : operator,
  }),
);
