import assert from "node:assert/strict";
import type { RoomId } from "../core/ids.ts";
import type { ChangeOf, Effect } from "../core/operations.ts";
import type { RoomRecord } from "../core/records.ts";
import type { ActorFacts } from "../core/rules/actors.ts";
import {
  type RoomFacts,
  refuseRoomCreate,
  refuseRoomDelete,
  refuseRoomUpdate,
  roomOwner,
} from "../core/rules/rooms.ts";
import {
  applied,
  type Circumstances,
  creatorOf,
  type Decision,
  memberWrite,
  refused,
  rightsChanged,
} from "./decision.ts";
import { countRoomsOf, findMember, listAllMembers } from "./members.ts";
import type { Store } from "./open.ts";
import { rightsTakenWrites } from "./rights-taken.ts";
import { findGenesis, findRoom } from "./rooms.ts";
import type { RowWrite } from "./tables.ts";
import { findUser } from "./users.ts";
import { roomVersion } from "./versions.ts";

/** What the rules know of an actor and a room. */
export function roomFacts(
  store: Store,
  room: RoomId,
  actor: ActorFacts,
): RoomFacts & { readonly room: RoomRecord | null } {
  return {
    actor,
    room: findRoom(store, room),
    actorMember: actor.kind === "user" ? findMember(store, { room, user: actor.user }) : null,
  };
}

export function decideRoomCreate(
  store: Store,
  change: ChangeOf<"room.create">,
  { actor, at }: Circumstances,
): Decision {
  const { room, name, history, shard } = change;
  // Entries of the first schema say nothing of it.
  const genesis = change.genesis ?? null;
  const content = genesis ? "encrypted" : "plain";
  const owner = roomOwner({ actor, owner: change.owner });
  const refusal = refuseRoomCreate({
    actor,
    content,
    owner: change.owner,
    roomExists: findRoom(store, room) !== null || findGenesis(store, room) !== null,
    ownerState: owner && (findUser(store, owner)?.state ?? null),
    ownerRooms: owner ? countRoomsOf(store, { user: owner, state: "active" }) : 0,
  });
  if (refusal) return refused(refusal);
  const createdBy = creatorOf(actor);
  const created = [
    roomWrite({ room, name, history, shard, content, createdAt: at, createdBy }),
    ...(genesis ? [{ table: "geneses", key: room, row: { room, ...genesis } } as const] : []),
  ];
  if (!owner) return applied(created);
  const role = "owner";
  return applied(
    [...created, memberWrite({ room, user: owner, role, state: "active", addedAt: at })],
    [rightsChanged(owner), { kind: "user.told", user: owner, event: "room.gained", room, role }],
  );
}

export function decideRoomUpdate(
  store: Store,
  { room, name, ifVersion }: ChangeOf<"room.update">,
  { actor }: Circumstances,
): Decision {
  const facts = roomFacts(store, room, actor);
  const version = facts.room && roomVersion(facts.room);
  const refusal = refuseRoomUpdate({
    ...facts,
    isVersion: ifVersion === null || ifVersion === version,
  });
  if (refusal) return refused(refusal);
  assert(facts.room);
  return applied(facts.room.name === name ? [] : [roomWrite({ ...facts.room, name })]);
}

export function decideRoomDelete(
  store: Store,
  { room }: ChangeOf<"room.delete">,
  circumstances: Circumstances,
): Decision {
  const refusal = refuseRoomDelete(roomFacts(store, room, circumstances.actor));
  if (refusal) return refused(refusal);
  const members = listAllMembers(store, room);
  const losers = members.filter(({ state }) => state === "active").map(({ user }) => user);
  const told = members.map(
    ({ user }): Effect => ({ kind: "user.told", user, event: "room.lost", room, role: null }),
  );
  return applied(
    [
      ...members.map(
        ({ user }): RowWrite => ({ table: "members", key: `${room} ${user}`, row: null }),
      ),
      { table: "rooms", key: room, row: null },
      ...rightsTakenWrites(store, losers, circumstances),
    ],
    losers.length > 0 ? [rightsChanged(...losers), ...told] : told,
  );
}

function roomWrite(record: RoomRecord): RowWrite {
  const { room, name, history, shard, content, createdAt, createdBy } = record;
  return {
    table: "rooms",
    key: room,
    row: { room, name, history, shard, content, created_at: createdAt, created_by: createdBy },
  };
}
