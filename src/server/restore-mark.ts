import { existsSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { HEAD_FILE_SUFFIX, MODE_FILE, RESTORE_FILE } from "../core/node-files.ts";
import { objectOf, parseObject } from "../core/objects.ts";
import { Problem } from "../core/problems.ts";
import { codeOf, wordsOf } from "../core/thrown.ts";
import type { Position } from "../journal/beginning.ts";
import { ensurePrivateFolder, renameDurably, writeFileAtomically } from "../system/files.ts";
import { putStreamsAside } from "./jetstream-folder.ts";

/**
 * What the next start of a folder is to do, beside its database. It is written before anything is moved
 * and says whether all is moved, so that whoever comes next, after a kill too, ends what was begun. It
 * is there until the journal has begun again.
 */
export type RestoreMark =
  | (Moves & { readonly kind: "rebuild"; readonly position: Position })
  | (Moves & { readonly kind: "reset"; readonly streams: boolean })
  /** The bus of a lone node is about to go on in a cluster, or already does. */
  | { readonly kind: "growth" };

interface Moves {
  /** The name of what is put aside. */
  readonly aside: string;
  readonly moved: boolean;
}

/** Reads the mark beside a database; null where there is none. Throws "file-unusable" for another text. */
export function readRestoreMark(db: string): RestoreMark | null {
  const path = markPath(db);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return null;
    throw unusable(path, wordsOf(cause), cause);
  }
  const mark: unknown = parseObject(text);
  if (isMark(mark)) return mark;
  throw unusable(
    path,
    "it is not what unibus wrote; if you know what was asked of this folder, move it away and ask again",
  );
}

export function writeRestoreMark(db: string, mark: RestoreMark): void {
  const path = markPath(db);
  try {
    writeFileAtomically(path, `${JSON.stringify(mark)}\n`, { mode: 0o600 });
  } catch (cause) {
    throw unusable(path, wordsOf(cause), cause);
  }
}

export function removeRestoreMark(db: string): void {
  rmSync(markPath(db), { force: true });
}

/**
 * Moves what a mark says, or what is left of it to move. Call it with the folder's lock held, while no
 * nats-server runs there. Answers where things lie now, in words for a log; empty when nothing was moved.
 */
export function finishRestore(
  mark: RestoreMark,
  { db, natsStore }: { readonly db: string; readonly natsStore: string },
): readonly string[] {
  if (mark.kind === "growth" || mark.moved) return [];
  const places: string[] = [];
  if (mark.kind === "reset") places.push(...moveDatabase(db, mark.aside));
  if (mark.kind === "rebuild" || (mark.kind === "reset" && mark.streams)) {
    const streams = putStreamsAside(natsStore, mark.aside);
    if (streams !== null) places.push(streams);
  }
  writeRestoreMark(db, { ...mark, moved: true });
  return places;
}

/** The mode goes last: a folder that has one and no database is refused as one that lost it. */
function moveDatabase(db: string, name: string): readonly string[] {
  const folder = join(dirname(db), name);
  const beside = join(dirname(db), MODE_FILE);
  const files = [db, `${db}-wal`, `${db}-shm`, `${db}${HEAD_FILE_SUFFIX}`, beside];
  const there = files.filter((file) => existsSync(file));
  if (there.length === 0) return [];
  try {
    ensurePrivateFolder(folder);
    for (const file of there) renameDurably(file, join(folder, basename(file)));
  } catch (cause) {
    throw unusable(folder, wordsOf(cause), cause);
  }
  return [folder];
}

function markPath(db: string): string {
  return join(dirname(db), RESTORE_FILE);
}

function isMark(value: unknown): value is RestoreMark {
  const { kind, aside, moved, streams, position } = objectOf(value);
  if (kind === "growth") return true;
  // It becomes part of a path.
  if (typeof aside !== "string" || !/^[a-z][A-Za-z0-9-]*$/.test(aside)) return false;
  if (typeof moved !== "boolean") return false;
  if (kind === "reset") return typeof streams === "boolean";
  const { busId, generation, lastSeq, chain } = objectOf(position);
  return (
    kind === "rebuild" &&
    typeof lastSeq === "number" &&
    [busId, generation, chain].every((one) => typeof one === "string")
  );
}

function unusable(path: string, why: string, cause?: unknown): Problem {
  return new Problem("file-unusable", `Cannot use "${path}": ${why}`, { cause });
}
