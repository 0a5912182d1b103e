import type { CreateInviteBody, Invite, NewInvite } from "../contract/invites.ts";
import { INVITE_LIFE_MS_MAX, INVITE_LIFE_MS_MIN } from "../core/limits.ts";
import { BUS_ROLES, ROOM_ROLES } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import { parseInviteText } from "../core/secrets.ts";
import type { Client } from "../sdk/client.ts";
import { secondsOf } from "./duration.ts";
import { commandName, placeArguments, shellWord } from "./invocation.ts";
import { findRoomId } from "./names.ts";
import type { Remote } from "./node.ts";
import { choiceOf, type Given, nodeOptions, onNode, type Shown, textOf } from "./node-command.ts";
import { note, table } from "./output.ts";
import { allPages } from "./pages.ts";
import { keepSecret, OUT_OPTION } from "./secret-file.ts";
import { defineGroup, defineStrict } from "./strict.ts";

const ROOM_OPTION = {
  name: "room",
  kind: "text",
  value: "ROOM[:ROLE]",
  repeats: true,
  help: "a plain room of yours that it leads into, and the role there; member if none is said",
} as const;

const create = defineStrict({
  description:
    "Makes an invite: whoever is handed it can join the bus once, with a key of their own. It is shown once; hand it over by a way that you trust.",
  options: [
    {
      name: "role",
      kind: "text",
      value: "ROLE",
      default: "member",
      help: "admin|member: the role on the bus",
    },
    ROOM_OPTION,
    {
      name: "life",
      kind: "text",
      value: "TIME",
      default: "7d",
      help: "how long it can be used, like 12h or 3d; 60s to 30d",
    },
    { name: "label", kind: "text", value: "TEXT", help: "what the list of invites calls it" },
    OUT_OPTION,
    ...nodeOptions(),
  ],
  examples: ["unibus invite create --room ops --room news:reader --life 1d"],
  run: ({ given, options }) => {
    const out = textOf(given, "out");
    const asked = bodyOf(given);
    return onNode(given, async ({ client, remote }) => {
      const rooms = await Promise.all(options.room.map((text) => invitedTo(client, text)));
      const make = () => client.invites.create({ ...asked, rooms });
      const next = joinWords(remote, out ?? "FILE");
      if (out === undefined) return printed(await make(), { json: given.json === true, next });
      const { secret: _, ...invite } = await keepSecret(out, make);
      return {
        document: { ...invite, file: out },
        lines: [
          `The invite is in ${shellWord(out)}; it can be used once, until ${invite.expiresAt}`,
          next,
        ],
      };
    });
  },
});

function bodyOf(given: Given): Omit<CreateInviteBody, "rooms"> {
  const label = textOf(given, "label");
  const lifeSeconds = secondsOf(given, "life", {
    least: INVITE_LIFE_MS_MIN,
    most: INVITE_LIFE_MS_MAX,
  });
  return {
    role: choiceOf(given, "role", BUS_ROLES) ?? "member",
    ...(label === undefined ? {} : { label }),
    ...(lifeSeconds === undefined ? {} : { lifeSeconds }),
  };
}

type InvitedTo = NonNullable<CreateInviteBody["rooms"]>[number];

/** Reads ROOM or ROOM:ROLE. A name may hold colons, so only a role behind the last one is split off. */
async function invitedTo(client: Client, text: string): Promise<InvitedTo> {
  const at = text.lastIndexOf(":");
  const role = ROOM_ROLES.find((one) => at > 0 && one === text.slice(at + 1));
  if (role !== undefined) return { room: await findRoomId(client, text.slice(0, at)), role };
  try {
    return { room: await findRoomId(client, text) };
  } catch (error) {
    if (at < 1 || !(error instanceof Problem) || error.code !== "room-not-found") throw error;
    throw new Problem(
      error.code,
      `${error.detail}; a role behind the colon is one of ${ROOM_ROLES.join(", ")}`,
    );
  }
}

/** What the newcomer types, on a machine where nothing is known yet of where unibus lies. */
function joinWords(remote: Remote | null, file: string): string {
  const url = remote?.profile.url ?? "URL";
  const ca = remote?.profile.caFile ? " --ca CA-FILE" : "";
  return `Whoever has it joins with: unibus join ${url} --invite-file ${shellWord(file)} --key NEW-KEY-FILE${ca}`;
}

/** The invite alone on stdout, and beside it what the newcomer types. */
function printed(
  made: NewInvite,
  { json, next }: { readonly json: boolean; readonly next: string },
): Shown {
  if (!json) {
    note(
      `The invite ${made.invite} can be used once, until ${made.expiresAt}; it is not shown again.`,
    );
    note(next);
  }
  return { document: made, lines: [made.secret] };
}

const list = defineStrict({
  description: "Lists the invites: those that can be used, and who used the others.",
  options: nodeOptions(),
  run: ({ given }) =>
    onNode(given, async ({ client, place }) => {
      const invites = await listInvites(client);
      const lines =
        invites.length > 0
          ? table(["INVITE", "ROLE", "ROOMS", "EXPIRES", "USED BY", "LABEL"], invites.map(rowOf))
          : [`No invites; make one with: ${commandName()} invite create${placeArguments(place)}`];
      return { document: { invites }, lines };
    }),
});

const revoke = defineStrict({
  description: "Revokes an invite that nobody has used: it leads nowhere from now on.",
  positionals: [{ name: "INVITE", required: true, help: "its id, as unibus invite list shows it" }],
  options: nodeOptions(),
  run: ({ positionals, given }) =>
    onNode(given, async ({ client }) => {
      // The secret behind the id is not sent.
      const invite = parseInviteText(positionals.INVITE)?.invite ?? positionals.INVITE;
      await client.invites.revoke(invite);
      return { document: { invite, revoked: true }, lines: [`The invite ${invite} is revoked`] };
    }),
});

export const inviteGroup = defineGroup({
  description: "Manages invites, by which people join the bus with keys that no admin has seen.",
  commands: { create: () => create, list: () => list, revoke: () => revoke },
});

function listInvites(client: Client): Promise<readonly Invite[]> {
  return allPages(async (page) => {
    const { invites, next } = await client.invites.list(page);
    return { rows: invites, next };
  });
}

function rowOf({ invite, role, rooms, expiresAt, redeemedBy, label }: Invite): readonly string[] {
  const into = rooms.map((one) => `${one.room}:${one.role}`).join(",");
  const text = (value: string | null): string => (value === null || value === "" ? "-" : value);
  return [invite, role, text(into), expiresAt, text(redeemedBy), text(label)];
}
