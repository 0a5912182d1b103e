import { unlinkSync } from "node:fs";
import { orProblem, readConfiguredFile } from "../config/private-file.ts";
import { CONFIG_FILE_BYTES_MAX, SECRET_ROOM_BYTES } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { codeOf } from "../core/thrown.ts";
import { stageFile, writeNewFile } from "../system/files.ts";
import { UnsafeFolder } from "../system/safe-folder.ts";
import type { Option } from "./parse.ts";

/** Why a new file cannot be made, in words. */
const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such folder",
  ENOTDIR: "there is no such folder",
  EACCES: "this user may not write there",
  EROFS: "nothing can be written there",
  ENOSPC: "the disk is full",
};

/** `--out`, as every command has it that is told a secret. */
export const OUT_OPTION = {
  name: "out",
  kind: "text",
  value: "FILE",
  help: "write the secret to this new file, which only you may read, and do not print it",
} as const satisfies Option;

/**
 * Writes the secret that `make` answers to a new file of mode 0600. The file is made first, with room on
 * the disk: a secret that is shown once must not meet a folder that cannot take it, or that others could
 * take it from.
 * Throws "file-exists" or "file-unusable", and what `make` throws; then no file is left.
 */
export async function keepSecret<Made extends { readonly secret: string }>(
  path: string,
  make: () => Promise<Made>,
): Promise<Made> {
  orUnusable(path, () => writeNewFile(path, "", { mode: 0o600 }));
  try {
    const room = { mode: 0o600, roomBytes: SECRET_ROOM_BYTES };
    using staged = orUnusable(path, () => stageFile(path, room));
    const made = await make();
    orUnusable(path, () => staged.replace(`${made.secret}\n`));
    return made;
  } catch (error) {
    unlinkSync(path);
    throw error;
  }
}

function orUnusable<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "EEXIST") {
      throw new Problem(
        "file-exists",
        `Cannot write the secret to ${quote(path)}: the file exists, and nothing is overwritten; choose another name`,
      );
    }
    const why = cause instanceof UnsafeFolder ? cause.message : (FAULTS[code] ?? code);
    throw new Problem("file-unusable", `Cannot write the secret to ${quote(path)}: ${why}`, {
      cause,
    });
  }
}

/**
 * Reads the secret that somebody was handed, from a file that nobody else may read, or from the
 * standard input where the path is `-`. `what` names it. Throws "file-unusable", and what `tooLong`
 * makes where it does not end.
 */
export async function readHandedOver(
  path: string,
  { what, tooLong }: { readonly what: string; readonly tooLong: () => Problem },
): Promise<string> {
  if (path !== "-") {
    return orProblem("file-unusable", `Cannot read the ${what} file ${quote(path)}`, () =>
      readConfiguredFile(path, { secret: true }),
    );
  }
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of Bun.stdin.stream()) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > CONFIG_FILE_BYTES_MAX) throw tooLong();
  }
  return text;
}
