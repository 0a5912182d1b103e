import { readSecretFile } from "../config/private-file.ts";
import { PASSPHRASE_CHARS_MAX, PASSPHRASE_CHARS_MIN } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { note } from "./output.ts";
import type { Option } from "./parse.ts";

export const PASSPHRASE_OPTION = {
  name: "passphrase-file",
  kind: "text",
  value: "FILE",
  help: "file that holds the passphrase of the CA's key, readable by you alone; without it the terminal asks",
} as const satisfies Option;

/**
 * Asks for a passphrase on the terminal, without showing it, or reads it from a file that nobody else may
 * read. A new one is asked for twice and has a least length.
 * Throws "usage" where there is no terminal and for a new one that is too short, "file-unusable" for a
 * file that cannot be used.
 */
export async function readPassphrase(options: {
  readonly file: string | undefined;
  readonly isNew: boolean;
}): Promise<string> {
  const { file, isNew } = options;
  const passphrase =
    file === undefined ? await askFor(isNew ? "New passphrase" : "Passphrase") : readFile(file);
  if (!isNew) return passphrase;
  if ([...passphrase].length < PASSPHRASE_CHARS_MIN) {
    throw usage(`it has fewer than ${PASSPHRASE_CHARS_MIN} characters`);
  }
  if (file === undefined && (await askFor("Once more")) !== passphrase) {
    throw usage("it was not the same twice");
  }
  return passphrase;
}

function readFile(path: string): string {
  try {
    return readSecretFile(path, "the passphrase");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Problem("file-unusable", error.detail, { cause: error });
  }
}

async function askFor(what: string): Promise<string> {
  const { stdin } = process;
  if (!stdin.isTTY) throw usage("there is no terminal to ask on; give --passphrase-file");
  note(`${what} of the CA's key (it is not shown):`);
  stdin.setRawMode(true);
  try {
    return await readHidden();
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
  }
}

/** Reads one line that the terminal does not show; the keys that end or correct it do so here. */
async function readHidden(): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let characters: string[] = [];
  const take = (chunk: Uint8Array | string): void => {
    const text = typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
    for (const character of text) {
      if (character === "\r" || character === "\n") resolve(characters.join(""));
      // Ctrl-C and Ctrl-D.
      else if (character === "\u0003" || character === "\u0004") reject(usage("it was not given"));
      else if (character === "\u0015") characters = [];
      else if (character === "\u007f" || character === "\b") characters.pop();
      else if (characters.length < PASSPHRASE_CHARS_MAX) characters.push(character);
    }
  };
  process.stdin.on("data", take);
  process.stdin.resume();
  try {
    return await promise;
  } finally {
    process.stdin.off("data", take);
  }
}

function usage(why: string): Problem {
  return new Problem("usage", `Cannot use the passphrase: ${why}`);
}
