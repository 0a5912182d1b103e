import type { RoomId } from "../core/ids.ts";
import type { Change, Effect } from "../core/operations.ts";
import type { ActorFacts } from "../core/rules/actors.ts";
import {
  type RoomFacts,
  refuseRoomCreate,
  refuseRoomDelete,
  roomOwner,
} from "../core/rules/rooms.ts";
import {
  applied,
  type Circumstances,
  type Decision,
  memberWrite,
  refused,
  rightsChanged,
} from "./decision.ts";
import { countRoomsOf, findMember, listAllMembers } from "./members.ts";
import type { Store } from "./open.ts";
import { findRoom } from "./rooms.ts";
import type { RowWrite } from "./tables.ts";
import { findUser } from "./users.ts";

type ChangeOf<Kind extends Change["kind"]> = Extract<Change, { kind: Kind }>;

/** What the rules know of an actor and a room. */
export function roomFacts(store: Store, room: RoomId, actor: ActorFacts): RoomFacts {
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
  const owner = roomOwner({ actor, owner: change.owner });
  const refusal = refuseRoomCreate({
    actor,
    owner: change.owner,
    roomExists: findRoom(store, room) !== null,
    ownerState: owner && (findUser(store, owner)?.state ?? null),
    ownerRooms: owner ? countRoomsOf(store, { user: owner, state: "active" }) : 0,
  });
  if (refusal) return refused(refusal);
  const created: RowWrite = {
    table: "rooms",
    key: room,
    row: {
      room,
      name,
      history,
      shard,
      content: "plain",
      created_at: at,
      created_by: actor.kind === "user" ? actor.user : actor.kind,
    },
  };
  if (!owner) return applied([created]);
  const role = "owner";
  return applied(
    [created, memberWrite({ room, user: owner, role, state: "active", addedAt: at })],
    [rightsChanged(owner), { kind: "user.told", user: owner, event: "room.gained", room, role }],
  );
}

export function decideRoomDelete(
  store: Store,
  { room }: ChangeOf<"room.delete">,
  { actor }: Circumstances,
): Decision {
  const refusal = refuseRoomDelete(roomFacts(store, room, actor));
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
    ],
    losers.length > 0 ? [rightsChanged(...losers), ...told] : told,
  );
}
