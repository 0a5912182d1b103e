import assert from "node:assert/strict";
import type { ChangeOf, Effect, RoomRole } from "../core/operations.ts";
import { losesRights } from "../core/permissions.ts";
import type { MemberRecord } from "../core/records.ts";
import {
  memberStateOnAdd,
  refuseMemberAccept,
  refuseMemberAdd,
  refuseMemberRemove,
} from "../core/rules/members.ts";
import { roomFacts } from "./apply-rooms.ts";
import {
  applied,
  type Circumstances,
  type Decision,
  memberWrite,
  refused,
  rightsChanged,
} from "./decision.ts";
import { countMembers, countRoomsOf, findMember, isLastOwner } from "./members.ts";
import type { Store } from "./open.ts";
import { findRightsTaken, rightsTakenWrites } from "./rights-taken.ts";
import type { RowWrite } from "./tables.ts";
import { findUser } from "./users.ts";

type Told = Extract<Effect, { kind: "user.told" }>["event"];

/** Adds a user, or changes the role that it has. */
export function decideMemberAdd(
  store: Store,
  { room, user, role, orphan }: ChangeOf<"member.add">,
  circumstances: Circumstances,
): Decision {
  const { actor, at, level } = circumstances;
  const before = findMember(store, { room, user });
  const facts = {
    ...roomFacts(store, room, actor),
    target: findUser(store, user),
    targetMember: before,
    role,
    isLastOwner: isLastOwner(store, { room, user }),
    roomMembers: countMembers(store, room),
    targetRooms: countRoomsOf(store, { user, state: "active" }),
    targetPending: countRoomsOf(store, { user, state: "pending" }),
    ...{ at, level, orphan: orphan === true },
    rightsTakenAt: findRightsTaken(store, { actor, user }),
  };
  const refusal = refuseMemberAdd(facts);
  if (refusal) return refused(refusal);
  const state = memberStateOnAdd(facts);
  const after: MemberRecord = { room, user, role, state, addedAt: before?.addedAt ?? at };
  if (before?.role === role && before.state === state) return applied();
  if (state === "pending") {
    return applied([memberWrite(after)], [told(after, "room.invited", role)]);
  }
  const event = before?.state === "active" ? "room.changed" : "room.gained";
  const isLess = before?.state === "active" && losesRights(before.role, role);
  return applied(
    [memberWrite(after), ...(isLess ? rightsTakenWrites(store, [user], circumstances) : [])],
    [rightsChanged(user), told(after, event, role)],
  );
}

export function decideMemberAccept(
  store: Store,
  { room, user }: ChangeOf<"member.accept">,
  { actor }: Circumstances,
): Decision {
  const member = findMember(store, { room, user });
  const refusal = refuseMemberAccept({
    ...roomFacts(store, room, actor),
    user,
    targetMember: member,
    targetState: findUser(store, user)?.state ?? null,
    targetRooms: countRoomsOf(store, { user, state: "active" }),
  });
  if (refusal) return refused(refusal);
  assert(member);
  if (member.state === "active") return applied();
  return applied(
    [memberWrite({ ...member, state: "active" })],
    [rightsChanged(user), told(member, "room.gained", member.role)],
  );
}

export function decideMemberRemove(
  store: Store,
  { room, user, orphan }: ChangeOf<"member.remove">,
  circumstances: Circumstances,
): Decision {
  const { actor, level } = circumstances;
  const member = findMember(store, { room, user });
  const refusal = refuseMemberRemove({
    ...roomFacts(store, room, actor),
    ...{ user, level, orphan: orphan === true },
    targetMember: member,
    isLastOwner: isLastOwner(store, { room, user }),
  });
  if (refusal) return refused(refusal);
  assert(member);
  const lost = told(member, "room.lost", null);
  const gone: RowWrite = { table: "members", key: `${room} ${user}`, row: null };
  if (member.state !== "active") return applied([gone], [lost]);
  return applied(
    [gone, ...rightsTakenWrites(store, [user], circumstances)],
    [rightsChanged(user), lost],
  );
}

function told({ user, room }: MemberRecord, event: Told, role: RoomRole | null): Effect {
  return { kind: "user.told", user, event, room, role };
}
