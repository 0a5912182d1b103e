import { renderKeyReplacement } from "../core/key-replacement.ts";
import { Problem } from "../core/problems.ts";
import { openIdentity } from "../sdk/identity.ts";
import { readSeed } from "./key-file.ts";
import { checkedKey } from "./names.ts";
import { type Given, type Shown, textOf } from "./node-command.ts";

const BUS = /^[0-9a-f]{32}$/;
const NUMBER = /^[1-9][0-9]{0,8}$/;

/** Signs, with the key of a file, that it takes the place of a user's key. Throws "usage". */
export async function signSuccessor(file: string, given: Given): Promise<Shown> {
  const old = checkedKey(required(given, "of"));
  const bus = required(given, "bus");
  const number = required(given, "number");
  if (!BUS.test(bus)) throw usage("--bus is not 32 hex digits, as unibus health shows them");
  if (!NUMBER.test(number) || number === "1") throw usage("--number is no whole number from 2");
  const identity = await openIdentity(readSeed(file));
  const by = identity.user;
  const replacement = { bus, old, by, number: Number(number) };
  const signature = await identity.signReplacement(replacement);
  const text = renderKeyReplacement({ by, number: replacement.number, signature });
  return { document: { ...replacement, replacement: text }, lines: [text] };
}

function required(given: Given, name: string): string {
  const text = textOf(given, name);
  if (text === undefined) throw usage(`--${name} is missing`);
  return text;
}

function usage(why: string): Problem {
  return new Problem(
    "usage",
    `Cannot run unibus key successor: ${why}; see: unibus key successor --help`,
  );
}
