import { describe, expect, test } from "bun:test";
import {
  coversSubject,
  meSubject,
  readRoomSubject,
  roomInbox,
  roomPrefix,
  senderPrefix,
} from "../../src/core/subjects.ts";
import { aRoom, aUser } from "../harness/builders.ts";

const user = aUser("alice");
const id = aRoom("lobby");
const room = { id, history: "k", shard: "7" } as const;

test("a sender speaks below the room's prefix and its own key", () => {
  expect(roomPrefix(room)).toBe(`rm.k.7.${id}`);
  expect(senderPrefix(room, user)).toBe(`rm.k.7.${id}.${user}`);
});

test("a room's inbox and one's own events are below one's own key", () => {
  expect(roomInbox(id, user)).toBe(`_INBOX.${user}.${id}`);
  expect(meSubject(user, "room.gained")).toBe(`me.${user}.room.gained`);
});

describe("the subject of a message", () => {
  test("is read back into its parts", () => {
    const parts = { history: "k", shard: "7", room: id, sender: user };
    expect(readRoomSubject(`${senderPrefix(room, user)}.msg`)).toEqual(parts as never);
    expect(readRoomSubject(`${senderPrefix(room, user)}.deep.er`)).toEqual(parts as never);
  });

  test.each([
    senderPrefix(room, user),
    roomPrefix(room),
    `me.${user}.room.gained`,
    `rx.k.7.${id}.${user}.msg`,
    "rm",
    "",
  ])("is not %s", (subject) => {
    expect(readRoomSubject(subject)).toBeNull();
  });
});

test.each([
  ["rm.>", "rm.a", true],
  ["rm.>", "rm.a.b", true],
  ["rm.>", "rm", false],
  ["rm.>", "rm.>", true],
  ["rm.*.b", "rm.a.b", true],
  ["rm.*.b", "rm.*.b", true],
  ["rm.*.b", "rm.>", false],
  ["rm.a", "rm.*", false],
  ["rm.a", "rm.a.b", false],
  ["rm.a.b", "rm.a", false],
  [">", "rm.a", true],
])("the pattern %s covering %s is %p", (pattern, subject, covers) => {
  expect(coversSubject(pattern, subject)).toBe(covers);
});
