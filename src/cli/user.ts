import type { User, UserDetail } from "../contract/users.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import type { Client } from "../sdk/client.ts";
import { commandName } from "./invocation.ts";
import { checkedKey, findUserKey } from "./names.ts";
import { choiceOf, type Given, nodeOptions, onNode, type Shown, textOf } from "./node-command.ts";
import { fields, table } from "./output.ts";
import type { Option, Positional } from "./parse.ts";
import { defineGroup, defineStrict } from "./strict.ts";

const USER = {
  name: "USER",
  required: true,
  help: "a public key, or the user's name",
} as const satisfies Positional;
const NAME_OPTION: Option = {
  name: "name",
  kind: "text",
  value: "NAME",
  help: "a name for people, which no other user has",
};
const BUS_ROLES = ["admin", "member"] as const;
/** Rows asked for at once; all pages are read. */
const PAGE_ROWS = 1_000;

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
  options: nodeOptions(),
  run: ({ given }) =>
    onNode(given, async ({ client }) => {
      const users = await listUsers(client);
      const rows = users.map(({ user, role, state, name }) => [user, role, state, name ?? "-"]);
      const lines =
        rows.length > 0
          ? table(["USER", "ROLE", "STATE", "NAME"], rows)
          : [`No users yet; make the first admin with: ${commandName()} user seed --key FILE`];
      return { document: { users }, lines };
    }),
});

const show = defineStrict({
  description: "Shows one user and the rooms it is in.",
  positionals: [USER],
  options: nodeOptions(),
  run: ({ positionals, given }) =>
    onNode(given, async ({ client }) => {
      const user = await client.users.show(await findUserKey(client, positionals.USER));
      return { document: user, lines: detailLines(user) };
    }),
});

const revoke = defineStrict({
  description:
    "Revokes a user: its connections are closed at once and its key is refused from now on.",
  positionals: [USER],
  options: nodeOptions(),
  run: ({ positionals, given }) => setState("revoke", positionals.USER, given),
});

const restore = defineStrict({
  description: "Lets a revoked user in again.",
  positionals: [USER],
  options: nodeOptions(),
  run: ({ positionals, given }) => setState("restore", positionals.USER, given),
});

export const userGroup = defineGroup({
  description: "Manages the users of the bus: the keys that may connect.",
  commands: {
    seed: () => seed,
    add: () => add,
    list: () => list,
    show: () => show,
    revoke: () => revoke,
    restore: () => restore,
  },
});

function setState(verb: "revoke" | "restore", text: string, given: Given): Promise<number> {
  return onNode(given, async ({ client }) => {
    const user = await client.users[verb](await findUserKey(client, text));
    const now = verb === "revoke" ? "is revoked and out" : "may connect again";
    return changed(user, `${labelOf(user)} ${now}`);
  });
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

async function listUsers(client: Client): Promise<readonly User[]> {
  const users: User[] = [];
  let after: string | null = null;
  do {
    const page = await client.users.list({
      limit: PAGE_ROWS,
      ...(after === null ? {} : { after }),
    });
    users.push(...page.users);
    after = page.next;
  } while (after !== null);
  return users;
}

function changed(user: User, sentence: string): Shown {
  return { document: user, lines: [sentence] };
}

function labelOf({ user, name }: User): string {
  return name === null ? user : `${quote(name)} (${user})`;
}

function detailLines({ user, name, role, state, accept, createdAt, rooms }: UserDetail) {
  return [
    ...fields([
      ["user", user],
      ["name", name ?? "-"],
      ["role", role],
      ["state", state],
      ["accept", accept],
      ["created", createdAt],
    ]),
    "",
    ...(rooms.length > 0
      ? table(
          ["ROOM", "ROLE", "STATE", "NAME"],
          rooms.map((room) => [room.room, room.role, room.state, room.name]),
        )
      : [`In no room yet; add it to one with: ${commandName()} room add ROOM USER`]),
  ];
}
