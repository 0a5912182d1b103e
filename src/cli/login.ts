import { resolve } from "node:path";
import { EXIT, Problem } from "../core/problems.ts";
import { advised } from "./advice.ts";
import { openCredential } from "./credential.ts";
import { finishLogin, readTarget, targetOptions, URL_ARGUMENT } from "./login-target.ts";
import { type Given, show, textOf } from "./node-command.ts";
import type { Credential } from "./profile.ts";
import { reachNode } from "./remote.ts";
import { defineStrict } from "./strict.ts";

export const loginCommand = defineStrict({
  description:
    "Leads the commands of a folder to a node elsewhere. Everything is checked first: its certificate, that it is a node of unibus, and that the key is an active user's. The folder keeps the URL, the bus and the authority, and the path of the key, never the key.",
  positionals: [URL_ARGUMENT],
  options: targetOptions([
    {
      name: "key",
      kind: "text",
      value: "FILE",
      help: "the user's key file, which nobody else may read; it stays where it is",
    },
    {
      name: "token-file",
      kind: "text",
      value: "FILE",
      help: "file of a bearer token, in place of a key; it can do what the token can",
    },
  ]),
  examples: ["unibus login https://bus.example.org:8470 --key alice.nk --ca ca.crt"],
  run: async ({ positionals, given }) => {
    const credential = readCredential(given);
    const target = readTarget(positionals.URL, given);
    const proof = await openCredential(credential);
    const { bus, as } = await reachNode(target);
    const client = as(proof);
    const finish = () => finishLogin({ target, bus, client, credential });
    show(await advised(finish, proof.identity?.user), given.json === true);
    return EXIT.done;
  },
});

function readCredential(given: Given): Credential {
  const key = textOf(given, "key");
  const token = textOf(given, "token-file");
  if (key !== undefined && token === undefined) return { kind: "key", file: resolve(key) };
  if (token !== undefined && key === undefined) return { kind: "token", file: resolve(token) };
  throw new Problem(
    "usage",
    "Cannot run unibus login: it takes either --key FILE or --token-file FILE; see: unibus login --help",
  );
}
