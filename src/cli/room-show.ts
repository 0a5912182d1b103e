import type { Member, MemberPage } from "../contract/members.ts";
import type { Room } from "../contract/rooms.ts";
import { Problem } from "../core/problems.ts";
import type { Client } from "../sdk/client.ts";
import { commandName, placeArguments } from "./invocation.ts";
import { findRoomId } from "./names.ts";
import { nodeOptions, onNode, textOf } from "./node-command.ts";
import { fields, table } from "./output.ts";
import { ROOM } from "./room-arguments.ts";
import { viewLines, viewOf } from "./room-view.ts";
import { defineStrict } from "./strict.ts";

/** Members shown at most; `--json` tells whether there are more. */
const MEMBERS_SHOWN = 100;

export const roomShow = defineStrict({
  description:
    "Shows a room, its subjects and members; with --as also what one user types into a stock NATS client to speak and listen there. Logged in to a node elsewhere that is you, unless you name another.",
  positionals: [ROOM],
  options: nodeOptions([
    { name: "as", kind: "text", value: "USER", help: "the user whose subjects are shown" },
  ]),
  examples: ["unibus room show ops --as alice"],
  run: ({ positionals, given }) =>
    onNode(given, async ({ client, remote, place }) => {
      const room = await client.rooms.show(await findRoomId(client, positionals.ROOM));
      const page = await findMembers(client, room);
      const subjects = { all: `${room.subject}.>` };
      const as = textOf(given, "as") ?? remote?.profile.user;
      const view = as === undefined ? null : await viewOf(client, { room, as, remote });
      return {
        document: {
          ...room,
          subjects,
          memberList: page?.members ?? [],
          moreMembers: page === null || page.next !== null,
          ...(view ? { as: view } : {}),
        },
        lines: [
          ...roomLines(room, page?.members ?? null, placeArguments(place)),
          ...(page?.next ? [`… and ${room.members - page.members.length} more`] : []),
          ...(view ? viewLines(view) : []),
        ],
      };
    }),
});

/** The first members of a room; null for whoever may not see who is in it. */
async function findMembers(client: Client, { room }: Room): Promise<MemberPage | null> {
  try {
    return await client.members.list(room, { limit: MEMBERS_SHOWN });
  } catch (error) {
    if (error instanceof Problem && error.code === "forbidden") return null;
    throw error;
  }
}

const CONTENT_WORDS = {
  plain: "plain: the node's machine can read it",
  encrypted: "encrypted, but nothing is sealed yet: the node's machine can read what is said",
} as const;

function roomLines(
  room: Room,
  members: readonly Member[] | null,
  place: string,
): readonly string[] {
  const kept =
    room.history === "off"
      ? "off: messages are never kept"
      : room.historyKept
        ? "keep"
        : "keep, but nothing is kept yet: this version keeps no history";
  return [
    ...fields([
      ["room", room.room],
      ["name", room.name],
      ["content", CONTENT_WORDS[room.content]],
      ["history", kept],
      ["subjects", `${room.subject}.>`],
      ["created", `${room.createdAt} by ${room.createdBy}`],
    ]),
    "",
    ...memberLines(room, members, place),
  ];
}

function memberLines(
  room: Room,
  members: readonly Member[] | null,
  place: string,
): readonly string[] {
  if (members === null) return [`Its ${room.members} members are not shown to you.`];
  if (members.length === 0) {
    return [`No members yet; add one with: ${commandName()} room add ${room.room} USER${place}`];
  }
  const rows = members.map(({ user, role, state, name }) => [user, role, state, name ?? "-"]);
  return table(["MEMBER", "ROLE", "STATE", "NAME"], rows);
}
