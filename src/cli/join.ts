import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { EXIT, Problem } from "../core/problems.ts";
import { parseInviteText } from "../core/secrets.ts";
import type { Client } from "../sdk/client.ts";
import { type Identity, proveInvite } from "../sdk/identity.ts";
import { advised } from "./advice.ts";
import { openCredential } from "./credential.ts";
import { makeKeyFile, readSeed } from "./key-file.ts";
import { finishLogin, readTarget, targetOptions, URL_ARGUMENT } from "./login-target.ts";
import { type Given, show, textOf } from "./node-command.ts";
import { reachNode } from "./remote.ts";
import { readHandedOver } from "./secret-file.ts";
import { defineStrict } from "./strict.ts";

export const joinCommand = defineStrict({
  description:
    "Joins a bus by an invite, with a key of your own, and logs in. The key's file is made if it is not there.",
  positionals: [
    URL_ARGUMENT,
    {
      name: "INVITE",
      required: false,
      help: "the invite (ubi_…); others of this machine see arguments, so better --invite-file",
    },
  ],
  options: targetOptions([
    {
      name: "key",
      kind: "text",
      value: "FILE",
      help: "your key file; a new one is made if there is none, and never overwritten",
    },
    {
      name: "invite-file",
      kind: "text",
      value: "FILE",
      help: "file that holds the invite, which nobody else may read; - is the standard input",
    },
    { name: "name", kind: "text", value: "NAME", help: "your name on the bus" },
  ]),
  examples: [
    "unibus join https://bus.example.org:8470 --invite-file invite --key alice.nk --ca ca.crt --name alice",
  ],
  run: async ({ positionals, given }) => {
    const key = textOf(given, "key");
    if (key === undefined) throw usage("--key FILE is missing");
    const inviteText = await readInvite(positionals.INVITE, textOf(given, "invite-file"));
    const target = readTarget(positionals.URL, given);
    const isNew = !existsSync(key);
    // A key that cannot be used is told before anything is asked.
    if (!isNew) readSeed(key);
    const { bus, as } = await reachNode(target);
    if (isNew) await makeKeyFile(key);
    const credential = { kind: "key", file: resolve(key) } as const;
    const proof = await openCredential(credential);
    const client = as(proof);
    const { document, lines } = await advised(async () => {
      await redeem({ client, bus, inviteText, identity: proof.identity, given });
      return await finishLogin({ target, bus, client, credential });
    });
    const made = isNew
      ? [`Your key was made: ${credential.file}; keep it, and keep it secret.`]
      : [];
    const shown = { document: { ...document, keyFile: credential.file, keyMade: isNew } };
    show({ ...shown, lines: [...made, ...lines] }, given.json === true);
    return EXIT.done;
  },
});

/** Redeems the invite; one that this very key used before, with the answer lost, is good too. */
async function redeem(options: {
  readonly client: Client;
  readonly bus: string;
  readonly inviteText: string;
  readonly identity: Identity | null;
  readonly given: Given;
}): Promise<void> {
  const { client, bus, inviteText, identity, given } = options;
  if (!identity) throw new Error("A key file opens as an identity");
  const name = textOf(given, "name");
  const proved = await proveInvite({ inviteText, busId: bus, user: identity.user });
  const body = { proof: proved.proof, ...(name === undefined ? {} : { name }) };
  try {
    await client.invites.redeem(proved.invite, body);
  } catch (error) {
    const isUsed =
      error instanceof Problem && ["invite-redeemed", "user-exists"].includes(error.code);
    if (!isUsed || !(await isUser(client))) throw error;
  }
}

async function isUser(client: Client): Promise<boolean> {
  try {
    return (await client.me.show()).user !== null;
  } catch (error) {
    if (error instanceof Problem) return false;
    throw error;
  }
}

async function readInvite(word: string | undefined, file: string | undefined): Promise<string> {
  if ((word === undefined) === (file === undefined)) {
    throw usage("it takes either INVITE or --invite-file FILE");
  }
  const text = (word ?? (await readInviteFile(file ?? ""))).trim();
  if (parseInviteText(text)) return text;
  throw usage(
    "the invite is none: it must be ubi_ and what follows, as unibus invite create made it",
  );
}

function readInviteFile(path: string): Promise<string> {
  const tooLong = () => usage("there is more than an invite on stdin");
  return readHandedOver(path, { what: "invite", tooLong });
}

function usage(why: string): Problem {
  return new Problem("usage", `Cannot run unibus join: ${why}; see: unibus join --help`);
}
