import type { User, UserDetail } from "../contract/users.ts";
import { BUS_ROLES } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { Client } from "../sdk/client.ts";
import { commandName, placeArguments, shellWord } from "./invocation.ts";
import { checkedKey, findUserKey, labelOf } from "./names.ts";
import { choiceOf, nodeOptions, onNode, type Shown, textOf } from "./node-command.ts";
import { fields, table } from "./output.ts";
import { allPages } from "./pages.ts";
import type { Option } from "./parse.ts";
import { replaceKeyCommand } from "./replace-key.ts";
import { isOrphaning, ORPHAN_OPTION, USER } from "./room-arguments.ts";
import { defineGroup, defineStrict } from "./strict.ts";

const NAME_OPTION: Option = {
  name: "name",
  kind: "text",
  value: "NAME",
  help: "a name for people, which no other user has",
};

const seed = defineStrict({
  description:
    "Makes a key the bus's first admin. It needs no credential, only access to the node's folder, and works before the node's first start.",
  positionals: [{ name: "PUBLIC-KEY", required: false, help: "the admin's public nkey" }],
  options: nodeOptions([
    {
      name: "key",
      kind: "text",
      value: "FILE",
      help: "take the public key from this key file instead; the seed in it is not sent",
    },
    NAME_OPTION,
  ]),
  examples: ["unibus user seed --key admin.nk"],
  run: async ({ positionals, given }) => {
    const user = await givenKey(positionals["PUBLIC-KEY"], textOf(given, "key"));
    const name = textOf(given, "name");
    return onNode(
      given,
      async ({ client }) => {
        const made = await client.users.seed({ user, ...(name === undefined ? {} : { name }) });
        return changed(made, `${labelOf(made)} is an admin of this bus now`);
      },
      { mayCreate: true },
    );
  },
});

const add = defineStrict({
  description: "Admits a user: from now on this key may connect.",
  positionals: [{ name: "PUBLIC-KEY", required: true, help: "the user's public nkey" }],
  options: nodeOptions([
    NAME_OPTION,
    {
      name: "role",
      kind: "text",
      value: "ROLE",
      default: "member",
      help: "admin|member: an admin manages users and may delete rooms",
    },
  ]),
  examples: ["unibus user add $(unibus key show alice.nk) --name alice"],
  run: ({ positionals, given }) => {
    const user = checkedKey(positionals["PUBLIC-KEY"]);
    const name = textOf(given, "name");
    const role = choiceOf(given, "role", BUS_ROLES) ?? "member";
    return onNode(given, async ({ client }) => {
      const made = await client.users.add({ user, role, ...(name === undefined ? {} : { name }) });
      return changed(made, `${labelOf(made)} is admitted as ${made.role}`);
    });
  },
});

const list = defineStrict({
  description: "Lists the users of the bus and whether they may connect.",
  options: nodeOptions([
    { name: "all", kind: "boolean", help: "keys too that were replaced by others" },
  ]),
  run: ({ given }) =>
    onNode(given, async ({ client, place }) => {
      const users = await listUsers(client, { all: given.all === true });
      const rows = users.map(({ user, role, state, name }) => [user, role, state, name ?? "-"]);
      const lines =
        rows.length > 0
          ? table(["USER", "ROLE", "STATE", "NAME"], rows)
          : [
              `No users yet; make the first admin with: ${commandName()} user seed --key FILE${placeArguments(place)}`,
            ];
      return { document: { users }, lines };
    }),
});

const show = defineStrict({
  description: "Shows one user and the rooms it is in.",
  positionals: [USER],
  options: nodeOptions(),
  run: ({ positionals, given }) =>
    onNode(given, async ({ client, place }) => {
      const user = await client.users.show(await findUserKey(client, positionals.USER));
      return { document: user, lines: detailLines(user, placeArguments(place)) };
    }),
});

const revoke = defineStrict({
  description:
    "Revokes a user: its connections are closed at once and its key is refused from now on. A key that was replaced leads to the one that took its place.",
  positionals: [USER],
  options: nodeOptions([ORPHAN_OPTION]),
  run: ({ positionals, given }) =>
    onNode(given, async ({ client }) => {
      const key = await findUserKey(client, positionals.USER);
      const user = await client.users.revoke(key, { orphan: isOrphaning(given) });
      const words = `${labelOf(user)} ${await revokedWords(client)}`;
      return {
        document: user,
        lines: [words, ...(user.user === key ? [] : [`It had taken the place of ${key}`])],
      };
    }),
});

const restore = defineStrict({
  description: "Lets a revoked user in again, with the rooms it had; its tokens stay ended.",
  positionals: [USER],
  options: nodeOptions(),
  run: ({ positionals, given }) =>
    onNode(given, async ({ client }) => {
      const user = await client.users.restore(await findUserKey(client, positionals.USER));
      return changed(user, `${labelOf(user)} may connect again`);
    }),
});

const update = defineStrict({
  description: "Changes the name of a user, or its role on the bus.",
  positionals: [USER],
  options: nodeOptions([
    NAME_OPTION,
    {
      name: "role",
      kind: "text",
      value: "ROLE",
      help: "admin|member: the bus keeps one active admin at least",
    },
    ORPHAN_OPTION,
  ]),
  examples: ["unibus user update alice --role admin"],
  run: ({ positionals, given }) => {
    const name = textOf(given, "name");
    const role = choiceOf(given, "role", BUS_ROLES);
    if (name === undefined && role === undefined) {
      throw new Problem(
        "usage",
        "Cannot run unibus user update: neither --name nor --role is given; see: unibus user update --help",
      );
    }
    return onNode(given, async ({ client }) => {
      const key = await findUserKey(client, positionals.USER);
      const body = {
        ...(name === undefined ? {} : { name }),
        ...(role === undefined ? {} : { role }),
      };
      const user = await client.users.update(key, body, { orphan: isOrphaning(given) });
      return changed(user, `${labelOf(user)} is ${user.role} of this bus`);
    });
  },
});

export const userGroup = defineGroup({
  description: "Manages the users of the bus: the keys that may connect.",
  commands: {
    seed: () => seed,
    add: () => add,
    list: () => list,
    show: () => show,
    update: () => update,
    "replace-key": () => replaceKeyCommand,
    revoke: () => revoke,
    restore: () => restore,
  },
});

/** A NATS server of somebody else's keeps its connections, and lets in whom it likes. */
async function revokedWords(client: Client): Promise<string> {
  try {
    const { dataPlane } = await client.bus();
    if (dataPlane === "embedded") return "is revoked and out";
  } catch (error) {
    // The revocation stands, also of oneself, who may ask nothing any more.
    if (error instanceof Problem) return "is revoked and out";
    throw error;
  }
  return "is revoked here; the NATS server is another one's, and closes no connection for that";
}

async function givenKey(text: string | undefined, file: string | undefined): Promise<string> {
  if ((text === undefined) === (file === undefined)) {
    throw new Problem(
      "usage",
      "Cannot run unibus user seed: it takes either PUBLIC-KEY or --key FILE; see: unibus user seed --help",
    );
  }
  if (file === undefined) return checkedKey(text ?? "");
  const { readPublicKey } = await import("./key-file.ts");
  return readPublicKey(file);
}

function listUsers(client: Client, { all }: { readonly all: boolean }): Promise<readonly User[]> {
  return allPages(async (page) => {
    const { users, next } = await client.users.list({ ...page, all });
    return { rows: users, next };
  });
}

function changed(user: User, sentence: string): Shown {
  return { document: user, lines: [sentence] };
}

function detailLines(detail: UserDetail, place: string): readonly string[] {
  const { user, name, role, state, accept, createdAt, successor, keyNumber, rooms } = detail;
  return [
    ...fields([
      ["user", user],
      ["name", name ?? "-"],
      ["role", role],
      ["state", state],
      ["accept", accept],
      ["created", createdAt],
      ["key", `number ${keyNumber}${successor === null ? "" : `, replaced by ${successor}`}`],
    ]),
    "",
    ...(rooms.length > 0
      ? table(
          ["ROOM", "ROLE", "STATE", "NAME"],
          rooms.map((room) => [room.room, room.role, room.state, room.name]),
        )
      : [
          `In no room that you can look into; add it to one with: ${commandName()} room add ROOM ${shellWord(name ?? user)}${place}`,
        ]),
  ];
}
