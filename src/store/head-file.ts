import { hash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { HEAD_FILE_SUFFIX } from "../core/node-files.ts";
import { parseObject } from "../core/objects.ts";
import { writeFileAtomically } from "../system/files.ts";
import { codeOf, journalDamaged } from "./faults.ts";

/** How far the journal of a bus goes. */
export interface Head {
  readonly busId: string;
  readonly generation: string;
  readonly seq: number;
  /** The chain behind that entry, in hex. */
  readonly chain: string;
}

/** Each lies on a page of its own, so that a write which a power cut tears spoils one of them. */
const SLOT_BYTES = 4096;
const RECORD_BYTES = 512;
const FILE_BYTES = 2 * SLOT_BYTES;
const SLOTS = [0, 1] as const;
type Slot = (typeof SLOTS)[number];

/** Where the head of a database is written down: beside it, as SQLite's own files are. */
export function headPath(db: string): string {
  return `${db}${HEAD_FILE_SUFFIX}`;
}

/** The file that holds the head of a journal outside its database. It is written in place and not synced. */
export interface HeadFile extends Disposable {
  /** What was in it, or was last written; null where there is no file yet. */
  last(): Head | null;
  /** Writes a head over the older of two records; makes the file if needed. Throws what the system throws. */
  write(head: Head): void;
}

/** Opens the file of a head, if there is one. Throws "journal-damaged" when it holds no head. */
export function openHeadFile(path: string): HeadFile {
  let file = openIfPresent(path);
  let last: Head | null = null;
  let next: Slot = 0;
  if (file !== null) {
    try {
      const newest = readNewest(file);
      if (!newest) throw notWritten(path);
      last = newest.head;
      next = other(newest.slot);
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }
  return {
    last: () => last,
    write(head) {
      if (file === null) {
        writeFileAtomically(path, wholeFile(head), { mode: 0o600 });
        file = openSync(path, "r+");
        next = 1;
      } else {
        const written = writeSync(file, renderRecord(head), 0, RECORD_BYTES, next * SLOT_BYTES);
        if (written !== RECORD_BYTES) throw new Error("the record was not written whole");
        next = other(next);
      }
      last = head;
    },
    [Symbol.dispose]() {
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

function openIfPresent(path: string): number | null {
  try {
    // A pipe under this name must not hold the start up, nor a link lead elsewhere.
    const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
    return openSync(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    if (["ELOOP", "EISDIR", "ENXIO"].includes(codeOf(error))) throw notWritten(path);
    throw error;
  }
}

function readNewest(file: number): { readonly head: Head; readonly slot: Slot } | null {
  const about = fstatSync(file);
  if (!about.isFile() || about.size !== FILE_BYTES) return null;
  const found = SLOTS.flatMap((slot) => {
    const bytes = new Uint8Array(RECORD_BYTES);
    readSync(file, bytes, 0, RECORD_BYTES, slot * SLOT_BYTES);
    const head = parseRecord(bytes);
    return head ? [{ head, slot }] : [];
  });
  return found.toSorted((one, two) => two.head.seq - one.head.seq)[0] ?? null;
}

function wholeFile(head: Head): Uint8Array {
  const bytes = new Uint8Array(FILE_BYTES).fill(SPACE);
  bytes.set(renderRecord(head), 0);
  bytes.set(renderRecord(head), SLOT_BYTES);
  return bytes;
}

const SPACE = 0x20;

/** One line of JSON, filled up with spaces, and of all of it a digest: what was half written is no record. */
function renderRecord({ busId, generation, seq, chain }: Head): Uint8Array {
  const head = { busId, generation, seq, chain };
  const sha256 = hash("sha256", JSON.stringify(head), "hex");
  const text = JSON.stringify({ ...head, sha256 });
  return new TextEncoder().encode(`${text.padEnd(RECORD_BYTES - 1)}\n`);
}

function parseRecord(bytes: Uint8Array): Head | null {
  const { busId, generation, seq, chain } = parseObject(new TextDecoder().decode(bytes));
  if (typeof busId !== "string" || typeof generation !== "string") return null;
  if (typeof seq !== "number" || typeof chain !== "string") return null;
  const head = { busId, generation, seq, chain };
  return Buffer.compare(renderRecord(head), bytes) === 0 ? head : null;
}

function other(slot: Slot): Slot {
  return slot === 0 ? 1 : 0;
}

function notWritten(path: string): Error {
  return journalDamaged(`the file "${path}", which says how far it goes, is not what was written`);
}
