import type { Room } from "../contract/rooms.ts";
import { ROOM_ROLES } from "../core/operations.ts";
import { quote } from "../core/quote.ts";
import type { Client } from "../sdk/client.ts";
import { commandName, placeArguments } from "./invocation.ts";
import { findRoomId, findUserKey } from "./names.ts";
import { choiceOf, nodeOptions, onNode, type Shown } from "./node-command.ts";
import { table } from "./output.ts";
import { allPages } from "./pages.ts";
import { isOrphaning, ORPHAN_OPTION, ROOM, USER } from "./room-arguments.ts";
import { roomCreate } from "./room-create.ts";
import { roomAccept, roomLeave } from "./room-own.ts";
import { roomShow } from "./room-show.ts";
import { defineGroup, defineStrict } from "./strict.ts";

const list = defineStrict({
  description:
    "Lists the rooms that you can see: all of them at the node itself and as an admin, else those that you are in or asked into.",
  options: nodeOptions(),
  run: ({ given }) =>
    onNode(given, async ({ client, remote, place }) => {
      const rooms = await listRooms(client);
      const rows = rooms.map(({ room, content, history, members, name }) => [
        room,
        content,
        history,
        `${members}`,
        name,
      ]);
      const owner = remote ? "" : " --owner USER";
      const lines =
        rows.length > 0
          ? table(["ROOM", "CONTENT", "HISTORY", "MEMBERS", "NAME"], rows)
          : [
              `No rooms yet; make one with: ${commandName()} room create NAME${owner}${placeArguments(place)}`,
            ];
      return { document: { rooms }, lines };
    }),
});

const add = defineStrict({
  description:
    "Adds a user to a room, or changes the role it has there. Added by an admin or at the node itself, it is a member at once; else when it accepts.",
  positionals: [ROOM, USER],
  options: nodeOptions([
    {
      name: "role",
      kind: "text",
      value: "ROLE",
      default: "member",
      help: "owner|member|reader|writer: owner and member speak and listen, reader listens, writer speaks",
    },
    ORPHAN_OPTION,
  ]),
  examples: ["unibus room add ops bob --role reader"],
  run: ({ positionals, given }) => {
    const role = choiceOf(given, "role", ROOM_ROLES) ?? "member";
    return onNode(given, async ({ client }) => {
      const orphan = isOrphaning(given);
      const named = await memberOf(client, positionals);
      const member = await client.members.add(named, { role }, { orphan });
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

const remove = defineStrict({
  description:
    "Removes a user from a room: its connections that may speak or listen there are closed.",
  positionals: [ROOM, USER],
  options: nodeOptions([ORPHAN_OPTION]),
  run: ({ positionals, given }) =>
    onNode(given, async ({ client }) => {
      const member = await memberOf(client, positionals);
      await client.members.remove(member, { orphan: isOrphaning(given) });
      return {
        document: { ...member, removed: true },
        lines: [`${quote(positionals.USER)} is no member of ${quote(positionals.ROOM)} any more`],
      };
    }),
});

const rename = defineStrict({
  description: "Gives a room another name; its id and its subjects stay.",
  positionals: [ROOM, { name: "NAME", required: true, help: "its new name" }],
  options: nodeOptions(),
  examples: ["unibus room rename ops operations"],
  run: ({ positionals, given }) =>
    onNode(given, async ({ client }) => {
      const room = await client.rooms.update(await findRoomId(client, positionals.ROOM), {
        name: positionals.NAME,
      });
      return { document: room, lines: [`The room ${room.room} is called ${quote(room.name)} now`] };
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
    create: () => roomCreate,
    list: () => list,
    show: () => roomShow,
    rename: () => rename,
    add: () => add,
    remove: () => remove,
    accept: () => roomAccept,
    leave: () => roomLeave,
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

function listRooms(client: Client): Promise<readonly Room[]> {
  return allPages(async (page) => {
    const { rooms, next } = await client.rooms.list(page);
    return { rows: rooms, next };
  });
}
