import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Bus } from "../contract/bus.ts";
import type { Member } from "../contract/members.ts";
import type { Room } from "../contract/rooms.ts";
import type { Client } from "../sdk/client.ts";
import { DEV_TLS_FOLDER } from "./cert-dev.ts";
import { commandName, shellQuoted, shellWord } from "./invocation.ts";
import { findRoomId, findUserKey } from "./names.ts";
import { nodeOptions, onNode, textOf } from "./node-command.ts";
import { fields, table } from "./output.ts";
import { defineStrict } from "./strict.ts";

/** Members shown at most; `--json` tells whether there are more. */
const MEMBERS_SHOWN = 100;

export const roomShow = defineStrict({
  description:
    "Shows a room, its subjects and members; with --as also what one user types into a stock NATS client to speak and listen there.",
  positionals: [
    { name: "ROOM", required: true, help: "a room's id, or its name if no other room has it" },
  ],
  options: nodeOptions([
    { name: "as", kind: "text", value: "USER", help: "the user whose subjects are shown" },
  ]),
  examples: ["unibus room show ops --as alice"],
  run: ({ positionals, given }) =>
    onNode(given, async ({ client }) => {
      const room = await client.rooms.show(await findRoomId(client, positionals.ROOM));
      const page = await client.members.list(room.room, { limit: MEMBERS_SHOWN });
      const subjects = { all: `${room.subject}.>` };
      const as = textOf(given, "as");
      const view = as === undefined ? null : await viewOf(client, room, as);
      return {
        document: {
          ...room,
          subjects,
          memberList: page.members,
          moreMembers: page.next !== null,
          ...(view ? { as: view } : {}),
        },
        lines: [
          ...roomLines(room, page.members),
          ...(page.next === null ? [] : [`… and ${room.members - page.members.length} more`]),
          ...(view ? viewLines(view) : []),
        ],
      };
    }),
});

/** Where `unibus cert dev` puts the certificate authority. */
const DEV_CA = join(DEV_TLS_FOLDER, "ca.crt");

/** A room as one user sees it on the data plane. */
interface View {
  readonly user: string;
  readonly role: Member["role"] | null;
  readonly state: Member["state"] | null;
  /** What the user's own messages are published under; the last token is free. */
  readonly publish: string | null;
  readonly subscribe: string | null;
  readonly inboxPrefix: string;
  /** URLs of the running node for NATS clients; none while it is stopped. */
  readonly servers: readonly string[];
  /** Lines for a POSIX shell with the `nats` client. */
  readonly commands: { readonly listen: string | null; readonly speak: string | null };
}

async function viewOf(client: Client, room: Room, as: string): Promise<View> {
  const user = await findUserKey(client, as);
  const { name, rooms } = await client.users.show(user);
  const member = rooms.find((one) => one.room === room.room);
  const bus = await client.bus();
  const role = member?.role ?? null;
  const speaks = role !== null && role !== "reader";
  const listens = role !== null && role !== "writer";
  const publish = speaks ? `${room.subject}.${user}.msg` : null;
  const subscribe = listens ? `${room.subject}.>` : null;
  const inboxPrefix = `_INBOX.${user}.${room.room}`;
  const nats = natsCommand({ bus, inboxPrefix, name });
  return {
    user,
    role,
    state: member?.state ?? null,
    publish,
    subscribe,
    inboxPrefix,
    servers: bus.clientUrls,
    commands: {
      listen: subscribe && `${nats} sub ${shellQuoted(subscribe)}`,
      speak: publish && `${nats} pub ${shellQuoted(publish)} 'hello'`,
    },
  };
}

function natsCommand(facts: {
  readonly bus: Bus;
  readonly inboxPrefix: string;
  readonly name: string | null;
}): string {
  const { bus, inboxPrefix, name } = facts;
  // Under this name `unibus key new` was shown to make it; the file is not opened.
  const guess = name === null ? null : `${name}.nk`;
  const keyFile = guess !== null && existsSync(guess) ? shellWord(guess) : "KEY-FILE";
  const server = bus.clientUrls[0] ?? "SERVER-URL";
  // Beside a certificate of `unibus cert dev` lies the authority that no client knows of itself.
  const ca = bus.tls && existsSync(DEV_CA) ? ` --tlsca ${shellWord(DEV_CA)}` : "";
  // A line to be pasted: what the node said is quoted like everything else.
  const prefix = shellWord(inboxPrefix);
  return `nats --server ${shellWord(server)}${ca} --nkey ${keyFile} --inbox-prefix ${prefix}`;
}

function roomLines(room: Room, members: readonly Member[]): readonly string[] {
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
      ["content", "plain: this node's machine can read it"],
      ["history", kept],
      ["subjects", `${room.subject}.>`],
      ["created", `${room.createdAt} by ${room.createdBy}`],
    ]),
    "",
    ...(members.length > 0
      ? table(
          ["MEMBER", "ROLE", "STATE", "NAME"],
          members.map(({ user, role, state, name }) => [user, role, state, name ?? "-"]),
        )
      : [`No members yet; add one with: ${commandName()} room add ${room.room} USER`]),
  ];
}

function viewLines(view: View): readonly string[] {
  const { user, role, state, publish, subscribe, inboxPrefix, servers, commands } = view;
  if (role === null) {
    return ["", `${user} is no member: it may neither speak nor listen here.`];
  }
  const waits = state === "pending" ? ["", `${user} has no rights here until it accepts.`] : [];
  return [
    ...waits,
    "",
    ...fields([
      ["as", `${user} (${role})`],
      ["publishes", publish ?? "nothing"],
      ["subscribes", subscribe ?? "nothing"],
      ["inbox", inboxPrefix],
    ]),
    ...(commands.listen ? ["", "Listen:", `  ${commands.listen}`] : []),
    ...(commands.speak ? ["", "Speak:", `  ${commands.speak}`] : []),
    ...(servers.length > 0
      ? []
      : ["", "The node is stopped; its log tells SERVER-URL when it runs."]),
  ];
}
