import type { NodeSettings } from "../config/load.ts";
import { findBeginning } from "../store/beginning.ts";
import type { Store } from "../store/open.ts";
import type { Log } from "../system/log.ts";
import type { ClusterPeers } from "./cluster-peers.ts";
import { keepStreamsApart, lockStreams } from "./jetstream-folder.ts";
import { positionOf, type ReplicatedWritePath } from "./replicated-write-path.ts";
import {
  finishRestore,
  readRestoreMark,
  removeRestoreMark,
  writeRestoreMark,
} from "./restore-mark.ts";

/** What the operator asked for in the folder of a node that starts, as its journal has to know it. */
export interface Restore {
  /** Whether the bus goes on from this node's database where no stream has it. */
  readonly rebuild: boolean;
  /** What this node may do beside what the peers say. */
  guard(peers: ClusterPeers): Pick<ClusterPeers, "mayFound" | "mayGoOn">;
  /** Forgets what was asked for, once the journal has begun here. */
  endWith(path: Pick<ReplicatedWritePath, "onApplied">): void;
}

/** Reads what was asked for. Throws "file-unusable". */
export function openRestore({
  db,
  store,
}: {
  readonly db: string;
  readonly store: Store;
}): Restore {
  const mark = readRestoreMark(db);
  let asked = mark !== null;
  return {
    // What was confirmed was one entry: a database that went on since is not what was meant.
    rebuild:
      mark?.kind === "rebuild" &&
      JSON.stringify(mark.position) === JSON.stringify(positionOf(store)),
    guard: ({ mayFound, mayGoOn }) => ({
      // A node that was reset had a bus: with no copy of that to be had, a new one would be another.
      mayFound: async () => mark?.kind !== "reset" && (await mayFound()),
      mayGoOn: async (position) => {
        if (!(await mayGoOn(position))) return false;
        // From here on others may have the bus too, whatever becomes of this process.
        if (!mark) writeRestoreMark(db, { kind: "growth" });
        asked = true;
        return true;
      },
    }),
    endWith(path) {
      const end = (): void => {
        if (asked) removeRestoreMark(db);
        asked = false;
      };
      if (findBeginning(store)) end();
      else path.onApplied(end);
    },
  };
}

/** Ends what a command began in this folder: what it puts aside is aside before anything is opened. */
export function endRestore({ db, natsStore }: NodeSettings, log: Log): void {
  const mark = readRestoreMark(db);
  if (!mark || mark.kind === "growth" || mark.moved) return;
  using _lock = lockStreams(natsStore);
  for (const aside of finishRestore(mark, { db, natsStore })) {
    log.warn("restore.put-aside", `put aside before the start, and kept: ${aside}`, { aside });
  }
}

/** What JetStream stored in a cluster whose bus is here is never touched. */
export function keepStreams(
  { natsStore, natsUrl }: NodeSettings,
  parts: { readonly store: Store; readonly clustered: boolean; readonly log: Log },
): void {
  const { store, clustered, log } = parts;
  if (natsUrl !== "" || (clustered && findBeginning(store))) return;
  keepStreamsApart({ natsStore, clustered, at: Date.now(), log });
}
