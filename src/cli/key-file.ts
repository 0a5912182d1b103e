import { createUser, fromSeed } from "@nats-io/nkeys";
import { orProblem, readConfiguredFile } from "../config/private-file.ts";
import type { UserId } from "../core/ids.ts";
import { isUserId } from "../core/nkey.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { codeOf, wordsOf } from "../core/thrown.ts";
import { writeNewFile } from "../system/files.ts";

const SEED = /^SU[A-Z2-7]{56}$/m;

/**
 * Makes a key pair and writes its seed to a new file that only its owner may read, in the form that
 * every NATS client takes. Returns the public key. Throws `file-exists`; nothing is overwritten.
 */
export async function makeKeyFile(path: string): Promise<UserId> {
  const pair = createUser();
  const user = checked(pair.getPublicKey());
  const line = new Uint8Array([...pair.getSeed(), 0x0a]);
  try {
    writeNewFile(path, line, { mode: 0o600 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") {
      const detail = `Cannot write the key file ${quote(path)}: ${wordsOf(error)}`;
      throw new Problem("file-unusable", detail, { cause: error });
    }
    throw new Problem(
      "file-exists",
      `Cannot make the key file ${quote(path)}: it exists, and a key is never overwritten; choose another name`,
    );
  } finally {
    line.fill(0);
    pair.clear();
  }
  return user;
}

/** Reads the public key of a key file; the seed goes nowhere. Throws `file-unusable`. */
export function readPublicKey(path: string): UserId {
  return readKey(path, { secret: false }).user;
}

/** Reads the seed of a key file that nobody else may read. Throws `file-unusable`. */
export function readSeed(path: string): string {
  return readKey(path, { secret: true }).seed;
}

function readKey(
  path: string,
  options: { readonly secret: boolean },
): { readonly seed: string; readonly user: UserId } {
  const attempt = `Cannot read the key file ${quote(path)}`;
  const text = orProblem("file-unusable", attempt, () => readConfiguredFile(path, options));
  const seed = SEED.exec(text)?.[0];
  if (seed === undefined) {
    throw new Problem(
      "file-unusable",
      `${attempt}: it holds no user seed (SU and 56 more characters)`,
    );
  }
  try {
    return { seed, user: checked(fromSeed(new TextEncoder().encode(seed)).getPublicKey()) };
  } catch (error) {
    // The library's words could hold the seed.
    if (error instanceof Problem) throw error;
    throw new Problem("file-unusable", `${attempt}: its seed is damaged`);
  }
}

function checked(text: string): UserId {
  if (!isUserId(text))
    throw new Problem("file-unusable", "Cannot use this key pair: its public key is not usable");
  return text;
}
