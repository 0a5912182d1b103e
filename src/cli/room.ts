import type { Room } from "../contract/rooms.ts";
import { quote } from "../core/quote.ts";
import type { Client } from "../sdk/client.ts";
import { commandName, shellWord } from "./invocation.ts";
import { findRoomId, findUserKey } from "./names.ts";
import { choiceOf, nodeOptions, onNode, type Shown, textOf } from "./node-command.ts";
import { table } from "./output.ts";
import type { Positional } from "./parse.ts";
import { roomShow } from "./room-show.ts";
import { defineGroup, defineStrict } from "./strict.ts";

const ROOM = {
  name: "ROOM",
  required: true,
  help: "a room's id, or its name if no other room has it",
} as const satisfies Positional;
const USER = {
  name: "USER",
  required: true,
  help: "a public key, or the user's name",
} as const satisfies Positional;
const HISTORIES = ["keep", "off"] as const;
const ROOM_ROLES = ["owner", "member", "reader", "writer"] as const;
/** Rows asked for at once; all pages are read. */
const PAGE_ROWS = 1_000;

const create = defineStrict({
  description:
    "Makes a room. What is said in a plain room can be read by whoever holds the node's machine.",
  positionals: [{ name: "NAME", required: true, help: "a name for people" }],
  options: nodeOptions([
    { name: "owner", kind: "text", value: "USER", help: "who owns it; one can be added later" },
    {
      name: "history",
      kind: "text",
      value: "WHEN",
      default: "keep",
      help: "keep|off: whether its messages belong in history; fixed for the room's life",
    },
  ]),
  examples: ["unibus room create ops --owner alice"],
  run: ({ positionals, given }) => {
    const owner = textOf(given, "owner");
    const history = choiceOf(given, "history", HISTORIES) ?? "keep";
    return onNode(given, async ({ client }) => {
      const room = await client.rooms.create({
        name: positionals.NAME,
        history,
        ...(owner === undefined ? {} : { owner: await findUserKey(client, owner) }),
      });
      return { document: room, lines: createdLines(room, owner) };
    });
  },
});

const list = defineStrict({
  description: "Lists the rooms of the bus.",
  options: nodeOptions(),
  run: ({ given }) =>
    onNode(given, async ({ client }) => {
      const rooms = await listRooms(client);
      const rows = rooms.map(({ room, history, members, name }) => [
        room,
        history,
        `${members}`,
        name,
      ]);
      const lines =
        rows.length > 0
          ? table(["ROOM", "HISTORY", "MEMBERS", "NAME"], rows)
          : [`No rooms yet; make one with: ${commandName()} room create NAME --owner USER`];
      return { document: { rooms }, lines };
    }),
});

const add = defineStrict({
  description:
    "Adds a user to a room, or changes the role it has there. Added at the node itself, it is a member at once.",
  positionals: [ROOM, USER],
  options: nodeOptions([
    {
      name: "role",
      kind: "text",
      value: "ROLE",
      default: "member",
      help: "owner|member|reader|writer: owner and member speak and listen, reader listens, writer speaks",
    },
  ]),
  examples: ["unibus room add ops bob --role reader"],
  run: ({ positionals, given }) => {
    const role = choiceOf(given, "role", ROOM_ROLES) ?? "member";
    return onNode(given, async ({ client }) => {
      const member = await client.members.add(await memberOf(client, positionals), { role });
      const pending = member.state === "pending" ? ", once the user accepts" : "";
      return {
        document: member,
        lines: [
          `${quote(positionals.USER)} is ${member.role} of ${quote(positionals.ROOM)}${pending}`,
        ],
      };
    });
  },
});

const accept = defineStrict({
  description: "Accepts a membership that waits for its user.",
  positionals: [ROOM, USER],
  options: nodeOptions(),
  run: ({ positionals, given }) =>
    onNode(given, async ({ client }) => {
      const member = await client.members.accept(await memberOf(client, positionals));
      const lines = [
        `${quote(positionals.USER)} is ${member.role} of ${quote(positionals.ROOM)} now`,
      ];
      return { document: member, lines };
    }),
});

const remove = defineStrict({
  description:
    "Removes a user from a room: its connections that may speak or listen there are closed.",
  positionals: [ROOM, USER],
  options: nodeOptions(),
  run: ({ positionals, given }) =>
    onNode(given, async ({ client }) => {
      const member = await memberOf(client, positionals);
      await client.members.remove(member);
      return {
        document: { ...member, removed: true },
        lines: [`${quote(positionals.USER)} is no member of ${quote(positionals.ROOM)} any more`],
      };
    }),
});

const deletion = defineStrict({
  description: "Deletes a room with its memberships; nobody speaks or listens there any more.",
  positionals: [ROOM],
  options: nodeOptions(),
  run: ({ positionals, given }) =>
    onNode(given, async ({ client }): Promise<Shown> => {
      const room = await findRoomId(client, positionals.ROOM);
      await client.rooms.delete(room);
      return {
        document: { room, deleted: true },
        lines: [`The room ${quote(positionals.ROOM)} is deleted`],
      };
    }),
});

export const roomGroup = defineGroup({
  description: "Manages rooms: where users talk, and who may speak or listen there.",
  commands: {
    create: () => create,
    list: () => list,
    show: () => roomShow,
    add: () => add,
    accept: () => accept,
    remove: () => remove,
    delete: () => deletion,
  },
});

async function memberOf(
  client: Client,
  positionals: { readonly ROOM: string; readonly USER: string },
): Promise<{ readonly room: string; readonly user: string }> {
  return {
    room: await findRoomId(client, positionals.ROOM),
    user: await findUserKey(client, positionals.USER),
  };
}

async function listRooms(client: Client): Promise<readonly Room[]> {
  const rooms: Room[] = [];
  let after: string | null = null;
  do {
    const page = await client.rooms.list({
      limit: PAGE_ROWS,
      ...(after === null ? {} : { after }),
    });
    rooms.push(...page.rooms);
    after = page.next;
  } while (after !== null);
  return rooms;
}

function createdLines(room: Room, owner: string | undefined): readonly string[] {
  const next =
    owner === undefined
      ? `It has no members yet; add the first with: ${commandName()} room add ${room.room} USER --role owner`
      : `See how to speak there with: ${commandName()} room show ${room.room} --as ${shellWord(owner)}`;
  return [`The room ${quote(room.name)} is made: ${room.room}`, next];
}
