import { existsSync } from "node:fs";
import { parseKeyReplacement } from "../core/key-replacement.ts";
import { isUserId } from "../core/nkey.ts";
import type { KeyReplacementProof } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { Client } from "../sdk/client.ts";
import { type Identity, openIdentity } from "../sdk/identity.ts";
import { commandName, placeArguments, shellWord } from "./invocation.ts";
import { findUserKey, labelOf } from "./names.ts";
import { type CommandNode, nodeOptions, onNode, type Shown } from "./node-command.ts";
import type { Profile } from "./profile.ts";
import { USER } from "./room-arguments.ts";
import { defineStrict } from "./strict.ts";

export const replaceKeyCommand = defineStrict({
  description:
    "Gives a user another key; the old one is thrown out. The new key signs that it takes over, and the old one too unless an admin or the operator at the node does it. The user itself, or that operator, takes the plain rooms along; where an admin does it, their owners ask the new key in. An encrypted room stays with the old key, which signed it.",
  positionals: [
    USER,
    {
      name: "NEW",
      required: true,
      help: "the file of the new key, or what `unibus key successor` printed where that file is",
    },
  ],
  options: nodeOptions(),
  examples: ["unibus user replace-key alice alice-2.nk"],
  run: ({ positionals, given }) => onNode(given, (node) => replaceKey(node, { ...positionals })),
});

async function replaceKey(
  { client, remote, place }: CommandNode,
  { USER: name, NEW: text }: { readonly USER: string; readonly NEW: string },
): Promise<Shown> {
  const old = await findUserKey(client, name);
  const { bus } = await client.health();
  const asked = { client, bus, old, text };
  const { by, number, byNew } = await signedByNew(asked);
  const isOneself = remote?.profile.user === old;
  const identity = isOneself ? (remote?.identity ?? null) : null;
  const byOld = identity && (await identity.signReplacement({ bus, old, by, number }));
  const proof: KeyReplacementProof = { number, byNew, byOld };
  const user = await client.users.replaceKey(old, { user: by, proof });
  const again = remote && isOneself ? loginOf(remote.profile) : null;
  return {
    document: user,
    lines: [
      `${labelOf(user)} is in the place of ${old} now`,
      ...(again === null
        ? []
        : [`Log in again, with the file of the new key: ${again}${placeArguments(place)}`]),
    ],
  };
}

interface Asked {
  readonly client: Client;
  readonly bus: string;
  /** The key that is replaced. */
  readonly old: string;
  /** A key file, or what its holder signed elsewhere. */
  readonly text: string;
}

async function signedByNew(
  asked: Asked,
): Promise<{ readonly by: string; readonly number: number; readonly byNew: string }> {
  const { bus, old, text } = asked;
  const handed = parseKeyReplacement(text);
  if (handed) return { by: handed.by, number: handed.number, byNew: handed.signature };
  if (isUserId(text) || !existsSync(text)) throw await unsigned(asked);
  const { readSeed } = await import("./key-file.ts");
  const identity: Identity = await openIdentity(readSeed(text));
  const number = await nextNumber(asked);
  const by = identity.user;
  return { by, number, byNew: await identity.signReplacement({ bus, old, by, number }) };
}

/** The number of the key that comes after the one that is replaced: of one's own key, or as an admin. */
async function nextNumber({ client, old }: Asked): Promise<number> {
  const me = await client.me.show();
  const record = me.user?.user === old ? me.user : await client.users.show(old);
  return record.keyNumber + 1;
}

async function unsigned(asked: Asked): Promise<Problem> {
  const { bus, old, text } = asked;
  const number = await nextNumber(asked);
  const what = isUserId(text) ? "a public key alone proves nothing" : `there is no file ${text}`;
  return new Problem(
    "usage",
    `Cannot replace the key: ${what}; give the file of the new key, or what its holder prints with: ${commandName()} key successor FILE --of ${old} --number ${number} --bus ${bus}`,
  );
}

function loginOf({ url, caFile }: Profile): string {
  const ca = caFile === null ? "" : ` --ca ${shellWord(caFile)}`;
  return `${commandName()} login ${url} --key FILE${ca}`;
}
