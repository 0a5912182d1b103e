import type { CreateTokenBody, NewToken, Token } from "../contract/tokens.ts";
import { ADMIN_TOKEN_LIFE_MS_MAX, TOKEN_LIFE_MS_MAX } from "../core/limits.ts";
import { TOKEN_SCOPES } from "../core/operations.ts";
import { parseTokenText } from "../core/secrets.ts";
import type { Client } from "../sdk/client.ts";
import { secondsOf } from "./duration.ts";
import { commandName, placeArguments, shellWord } from "./invocation.ts";
import { findRoomId } from "./names.ts";
import { choiceOf, nodeOptions, onNode, requireLogin, type Shown, textOf } from "./node-command.ts";
import { note, table } from "./output.ts";
import { allPages } from "./pages.ts";
import { keepSecret, OUT_OPTION } from "./secret-file.ts";
import { defineGroup, defineStrict } from "./strict.ts";

const create = defineStrict({
  description:
    "Makes a bearer token that acts for you for a while, where there is no key: for curl, a browser, a build server. Whoever holds it can do what it can; its secret is shown once.",
  options: nodeOptions([
    { name: "label", kind: "text", value: "TEXT", help: "what your list of tokens calls it" },
    {
      name: "scope",
      kind: "text",
      value: "SCOPE",
      default: "read",
      help: "read|write|admin: look; also publish and manage rooms; also what you may as an admin",
    },
    {
      name: "room",
      kind: "text",
      value: "ROOM",
      help: "the one room it is for; without it all of yours",
    },
    {
      name: "life",
      kind: "text",
      value: "TIME",
      help: "how long it lives, like 30m or 8h: a day at most, an hour for admin; without it as long as may be",
    },
    OUT_OPTION,
  ]),
  examples: [
    "unibus token create --scope write --room ops --life 1h --out ci.token",
    `printf 'authorization: Bearer %s' "$(cat ci.token)" | curl -H @- https://bus.example.org:8470/v1/me`,
  ],
  run: ({ given }) => {
    const scope = choiceOf(given, "scope", TOKEN_SCOPES) ?? "read";
    const label = textOf(given, "label");
    const most = scope === "admin" ? ADMIN_TOKEN_LIFE_MS_MAX : TOKEN_LIFE_MS_MAX;
    const lifeSeconds = secondsOf(given, "life", { most });
    const room = textOf(given, "room");
    const out = textOf(given, "out");
    return onNode(given, async ({ client, remote }) => {
      requireLogin(remote, "make a token");
      const body: CreateTokenBody = {
        scope,
        ...(label === undefined ? {} : { label }),
        ...(lifeSeconds === undefined ? {} : { lifeSeconds }),
        ...(room === undefined ? {} : { room: await findRoomId(client, room) }),
      };
      const make = () => client.tokens.create(body);
      if (out === undefined) return printed(await make(), given.json === true);
      const { secret: _, ...token } = await keepSecret(out, make);
      return {
        document: { ...token, file: out },
        lines: [`The token is in ${shellWord(out)}; it lives until ${token.expiresAt}`],
      };
    });
  },
});

/** The secret alone on stdout, as a variable of a shell wants it. */
function printed(made: NewToken, json: boolean): Shown {
  if (!json) note(`The token ${made.token} lives until ${made.expiresAt}; it is not shown again.`);
  return { document: made, lines: [made.secret] };
}

const list = defineStrict({
  description: "Lists your tokens that have not expired; their secrets are known to nobody.",
  options: nodeOptions(),
  run: ({ given }) =>
    onNode(given, async ({ client, remote, place }) => {
      requireLogin(remote, "list your tokens");
      const tokens = await listTokens(client);
      const lines =
        tokens.length > 0
          ? table(["TOKEN", "SCOPE", "ROOM", "EXPIRES", "LABEL"], tokens.map(rowOf))
          : [`No tokens; make one with: ${commandName()} token create${placeArguments(place)}`];
      return { document: { tokens }, lines };
    }),
});

const revoke = defineStrict({
  description: "Revokes a token: it is refused from now on.",
  positionals: [{ name: "TOKEN", required: true, help: "its id, as unibus token list shows it" }],
  options: nodeOptions(),
  run: ({ positionals, given }) =>
    onNode(given, async ({ client, remote }) => {
      requireLogin(remote, "revoke a token of yours");
      // Who has nothing but the leaked text has its id too; the secret is not sent.
      const token = parseTokenText(positionals.TOKEN)?.token ?? positionals.TOKEN;
      await client.tokens.revoke(token);
      return { document: { token, revoked: true }, lines: [`The token ${token} is revoked`] };
    }),
});

export const tokenGroup = defineGroup({
  description: "Manages your bearer tokens, which act for you where there is no key.",
  commands: { create: () => create, list: () => list, revoke: () => revoke },
});

function listTokens(client: Client): Promise<readonly Token[]> {
  return allPages(async (page) => {
    const { tokens, next } = await client.tokens.list(page);
    return { rows: tokens, next };
  });
}

function rowOf({ token, scope, room, expiresAt, label }: Token): readonly string[] {
  return [token, scope, room ?? "all", expiresAt, label === "" ? "-" : label];
}
