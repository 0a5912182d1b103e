import { relative, resolve } from "node:path";
import { SETTINGS } from "../config/schema.ts";
import { DATABASE_FILE } from "../core/node-files.ts";

/**
 * How this program is called from the folder it was started in, so that a printed line can be typed:
 * `./unibus` in the checkout, a path to it elsewhere, the file's own name once compiled.
 */
export function commandName(): string {
  const compiled = import.meta.url.includes("/$bunfs/");
  if (compiled) return shellWord(process.argv0);
  const launcher = resolve(import.meta.dirname, "../../unibus");
  const path = relative(process.cwd(), launcher);
  return shellWord(path.startsWith(".") || path.startsWith("/") ? path : `./${path}`);
}

/** The arguments that lead a later command to the same node; none for the default folder. */
export function placeArguments(settings: {
  readonly dataDir: string;
  readonly db: string;
}): string {
  const inFolder = resolve(settings.db) === resolve(settings.dataDir, DATABASE_FILE);
  if (!inFolder) return ` --db ${shellWord(settings.db)}`;
  return resolve(settings.dataDir) === resolve(SETTINGS["data-dir"].default)
    ? ""
    : ` --data-dir ${shellWord(settings.dataDir)}`;
}

/** Quotes a word for a POSIX shell, if it needs it. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+=,-]*$/.test(word) ? word : shellQuoted(word);
}

/** Quotes a word for a POSIX shell, whether it needs it or not. */
export function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
