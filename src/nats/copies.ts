import { closeSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import type { NatsConnection } from "@nats-io/transport-node";
import {
  COPY_KEPT_MS,
  COPY_PART_BYTES,
  COPY_WRITE_TIMEOUT_MS,
  JOURNAL_ANSWER_TIMEOUT_MS,
} from "../core/limits.ts";

/** Where a node gives copies; a server's name may hold what a subject may not. */
function subjectOf(name: string, question: "open" | "read"): string {
  return `copies.${Buffer.from(name).toString("hex")}.${question}`;
}

interface Offer {
  readonly id: string;
  readonly sizeBytes: number;
}

/**
 * Gives peers copies of this node's database, one at a time. `makeCopy` writes one to the path it is
 * given; it is removed when the next one is asked for, or nobody fetches on.
 */
export function giveCopies(options: {
  readonly connection: NatsConnection;
  readonly name: string;
  /** A path beside the database, of no file. */
  readonly newPath: () => string;
  readonly makeCopy: (path: string) => void;
}): Disposable {
  const { connection, name } = options;
  let current: { readonly id: string; readonly path: string; readonly file: number } | null = null;
  let expiry: ReturnType<typeof setTimeout> | undefined;

  function forget(): void {
    clearTimeout(expiry);
    if (!current) return;
    closeSync(current.file);
    rmSync(current.path, { force: true });
    current = null;
  }
  function keep(): void {
    clearTimeout(expiry);
    expiry = setTimeout(forget, COPY_KEPT_MS);
  }
  function open(): Offer {
    forget();
    const path = options.newPath();
    try {
      options.makeCopy(path);
      current = { id: crypto.randomUUID(), path, file: openSync(path, "r") };
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
    keep();
    return { id: current.id, sizeBytes: statSync(path).size };
  }
  function read(id: string, at: number): Uint8Array {
    if (current?.id !== id) return new Uint8Array();
    keep();
    const part = new Uint8Array(COPY_PART_BYTES);
    const sizeBytes = readSync(current.file, part, 0, part.length, at);
    if (sizeBytes < part.length) forget();
    return part.subarray(0, sizeBytes);
  }
  const opening = connection.subscribe(subjectOf(name, "open"), {
    callback: (error, message) => {
      if (error) return;
      try {
        message.respond(JSON.stringify(open()));
      } catch {
        // A disk that is full here may not be elsewhere: whoever asked hears nothing, and asks another.
      }
    },
  });
  const reading = connection.subscribe(subjectOf(name, "read"), {
    callback: (error, message) => {
      const [id = "", at = ""] = error ? [] : message.string().split(" ");
      const position = Number(at);
      if (Number.isSafeInteger(position) && position >= 0) message.respond(read(id, position));
    },
  });
  return {
    [Symbol.dispose]() {
      opening.unsubscribe();
      reading.unsubscribe();
      forget();
    },
  };
}

/**
 * Fetches a copy of a peer's database into a new file, which its owner alone can read. Answers whether
 * all of it came; what did not is removed.
 */
export async function fetchCopy(options: {
  readonly connection: NatsConnection;
  /** The peer's name. */
  readonly from: string;
  readonly path: string;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const { connection, from, path, signal } = options;
  const file = openSync(path, "wx", 0o600);
  let whole = false;
  try {
    const timeout = COPY_WRITE_TIMEOUT_MS;
    const answer = await connection.request(subjectOf(from, "open"), "", { timeout });
    const { id, sizeBytes } = answer.json<Offer>();
    let at = 0;
    while (at < sizeBytes && !signal.aborted) {
      const { data } = await connection.request(subjectOf(from, "read"), `${id} ${at}`, {
        timeout: JOURNAL_ANSWER_TIMEOUT_MS,
      });
      if (data.length === 0) break;
      writeSync(file, data, 0, data.length, at);
      at += data.length;
    }
    whole = at === sizeBytes;
  } catch {
    // A peer that went away gives nothing: another one may.
  } finally {
    closeSync(file);
    if (!whole) rmSync(path, { force: true });
  }
  return whole;
}
