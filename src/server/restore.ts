import { existsSync } from "node:fs";
import { Problem, type ProblemCode } from "../core/problems.ts";
import type { Position } from "../journal/beginning.ts";
import { findBeginning } from "../store/beginning.ts";
import { openNodeStore } from "../store/head.ts";
import { findEntry } from "../store/journal.ts";
import type { Store } from "../store/open.ts";
import { verifyJournal } from "../store/verify.ts";
import { stampOf, streamsOf } from "./jetstream-folder.ts";
import { positionOf } from "./replicated-write-path.ts";
import { finishRestore, readRestoreMark, writeRestoreMark } from "./restore-mark.ts";

/** Where a node that does not run keeps what it has. The locks of both are to be held. */
export interface StoppedPlace {
  readonly db: string;
  readonly natsStore: string;
}

export interface RebuildPlan {
  readonly position: Position;
  /** Milliseconds since the epoch; null in a bus without entries. */
  readonly lastEntryAt: number | null;
  /** Puts JetStream's folder aside and marks the folder. Answers what was put aside. */
  readonly run: () => readonly string[];
}

/**
 * Looks whether a cluster's stream can be rebuilt from the database here, and changes nothing yet.
 * Throws "node-not-found" without a database, "cluster-refused" where no node of a cluster ran,
 * "journal-damaged" when what is here is not what was written, "journal-rolled-back" when it is older.
 */
export function planRebuild(place: StoppedPlace, at: number): RebuildPlan {
  const { db } = place;
  if (!existsSync(db)) throw noDatabase("rebuild", db);
  using store = verified(db);
  const position = positionOf(store);
  if (!position)
    throw refused("rebuild", "its database is empty, so there is nothing to go on from");
  if (!findBeginning(store)) {
    throw refused(
      "rebuild",
      "its bus was never in a cluster, so it needs none: start it with --cluster-name beside empty nodes, and they take it over",
    );
  }
  const aside = `before-rebuild-${stampOf(at)}`;
  return {
    position,
    lastEntryAt: findEntry(store, position.lastSeq)?.operation.at ?? null,
    run: () => {
      const mark = { kind: "rebuild", position, aside, moved: false } as const;
      writeRestoreMark(db, mark);
      return finishRestore(mark, place);
    },
  };
}

export interface ResetPlan {
  /** How far the bus goes that is put aside; null where that cannot be read, or there is none. */
  readonly position: Position | null;
  readonly damaged: boolean;
  /** Whether all of it was done before. */
  readonly done: boolean;
  /** Puts everything aside and marks the folder. Answers what was put aside. */
  readonly run: () => readonly string[];
}

/**
 * Looks whether what is here may be forgotten, and changes nothing yet. With `streams` that is what
 * JetStream keeps as well.
 * Throws "node-not-found" where there is nothing, "cluster-refused" where no other node has the bus.
 */
export function planReset(
  place: StoppedPlace,
  { streams, at }: { readonly streams: boolean; readonly at: number },
): ResetPlan {
  const { db } = place;
  const mark = readRestoreMark(db);
  const found = lookInto(db);
  if (mark?.kind !== "reset") refuseLone(found, place);
  const position = found.kind === "bus" ? found.position : null;
  const damaged = found.kind === "damaged";
  // One that was killed is ended under its own name.
  const again = mark?.kind === "reset" && (!mark.moved || (found.kind === "missing" && !streams));
  return {
    position,
    damaged,
    done: again && mark.moved,
    run: () => {
      const next = again
        ? { ...mark, streams: mark.streams || streams }
        : ({ kind: "reset", streams, aside: `before-reset-${stampOf(at)}`, moved: false } as const);
      writeRestoreMark(db, next);
      return finishRestore(next, place);
    },
  };
}

/** What a start is refused with where the database is not what was written. */
const DAMAGED: readonly ProblemCode[] = ["journal-damaged", "journal-rolled-back"];

type Found =
  | { readonly kind: "missing" | "damaged" | "empty" }
  | { readonly kind: "bus"; readonly position: Position; readonly begun: boolean };

function lookInto(db: string): Found {
  if (!existsSync(db)) return { kind: "missing" };
  try {
    using store = openNodeStore({ path: db, random: null, clustered: false });
    const position = positionOf(store);
    if (!position) return { kind: "empty" };
    return { kind: "bus", position, begun: findBeginning(store) !== null };
  } catch (error) {
    // One that is another program's, or a newer unibus's, is not damaged.
    if (error instanceof Problem && !DAMAGED.includes(error.code)) throw error;
    return { kind: "damaged" };
  }
}

/** What only this folder has must not be forgotten. */
function refuseLone(found: Found, { db, natsStore }: StoppedPlace): void {
  if (found.kind === "bus" && !found.begun) {
    throw refused(
      "reset",
      "no cluster has its bus, so it would be lost; move the folder away yourself to begin anew",
    );
  }
  if (found.kind === "bus" || streamsOf(natsStore) === "cluster") return;
  if (found.kind === "missing") throw noDatabase("reset", db);
  throw refused(
    "reset",
    found.kind === "empty"
      ? "its database is empty, so there is nothing to forget; start it, and it takes a copy from a peer"
      : `its database cannot be read, and "${natsStore}" does not show that it was a cluster's (is --nats-store given?), so the bus might be lost`,
  );
}

function verified(db: string): Store {
  using stack = new DisposableStack();
  try {
    const store = stack.use(openNodeStore({ path: db, random: null, clustered: false }));
    verifyJournal(store);
    stack.move();
    return store;
  } catch (error) {
    if (!(error instanceof Problem) || !DAMAGED.includes(error.code)) throw error;
    throw new Problem(
      error.code,
      `${error.detail}; nothing was changed: rebuild from another node, or from this one with a backup in place of its database`,
      { cause: error },
    );
  }
}

function noDatabase(what: string, db: string): Problem {
  return new Problem(
    "node-not-found",
    `Cannot ${what} this node: there is no "${db}"; name its folder with --data-dir`,
  );
}

function refused(what: string, why: string): Problem {
  return new Problem("cluster-refused", `Cannot ${what} this node: ${why}`);
}
