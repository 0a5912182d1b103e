import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { PeerAnswer } from "../core/journal-stream.ts";
import { JOURNAL_ASK_MS } from "../core/limits.ts";
import type { Beginning } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { Position } from "../journal/beginning.ts";
import {
  type AskPeers,
  compareChains,
  listWithoutRoom,
  mayFoundBus,
} from "../journal/comparison.ts";
import type { NatsConnection } from "../nats/connection.ts";
import { fetchCopy, giveCopies } from "../nats/copies.ts";
import { openPeers } from "../nats/peers.ts";
import { takeCopy, writeCopy } from "../store/copy.ts";
import { findEntry } from "../store/journal.ts";
import type { Store } from "../store/open.ts";
import type { Log } from "../system/log.ts";
import { withTimeout } from "../system/wait.ts";
import { openBallast } from "./ballast.ts";
import { isFull } from "./disk-room.ts";
import { randomBytes } from "./reads.ts";
import { positionOf, type ReplicatedWritePath } from "./replicated-write-path.ts";

/** What a node does for its peers, and asks of them, beside the journal itself. */
export interface ClusterPeers extends Disposable {
  readonly ask: AskPeers;
  /** Whether all peers are there and none has a bus. */
  mayFound(): Promise<boolean>;
  /**
   * Whether all peers are there, and a bus may go on from this node. Throws "cluster-refused" when one
   * of them has a bus of its own, or more of this one.
   */
  mayGoOn(position: Position): Promise<boolean>;
  /** Fills the empty database with that of the peer that has most of the bus. False when none has any. */
  takeCopy(beginning: Beginning): Promise<boolean>;
  /** The peers whose disks are full, where with this node there are too few that have room. */
  withoutRoom(): readonly string[];
  /** Compares histories with the peers, now and again, and stops this node when its own is not theirs. */
  compare(journal: Pick<ReplicatedWritePath, "stop" | "stopped">): AsyncDisposable;
}

export function openClusterPeers(options: {
  readonly connection: NatsConnection;
  /** This node's server name: no other has it. */
  readonly name: string;
  readonly peersExpected: number;
  readonly store: Store;
  /** Where the database lies, and copies may lie beside it. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly log: Pick<Log, "info" | "error">;
}): ClusterPeers {
  const { connection, name, store, folder, signal, log } = options;
  removeCopies(folder);
  const newPath = (): string => join(folder, `copy-${randomBytes(8).toHex()}.db`);
  const ballast = openBallast(folder);
  let withoutRoom: readonly string[] = [];
  const chainAt = (seq: number): string | null => findEntry(store, seq)?.chain.toHex() ?? null;
  const stack = new DisposableStack();
  const peers = stack.use(
    openPeers({
      ...{ connection, name, expected: options.peersExpected },
      answer: ({ seq }) => ({
        ...{ bus: positionOf(store), chain: chainAt(seq) },
        full: isFull({ folder, ballast }),
      }),
    }),
  );
  stack.use(
    giveCopies({
      ...{ connection, name, newPath },
      makeCopy: (path) => {
        if (!positionOf(store)) throw new Error("There is nothing to copy");
        writeCopy(store, path);
      },
    }),
  );

  async function takeCopyOf(beginning: Beginning): Promise<boolean> {
    const answers = await peers.ask({ seq: 0 });
    const having = answers
      .flatMap(({ name: from, bus }) => (bus?.busId === beginning.busId ? [{ from, ...bus }] : []))
      .filter(({ generation }) => generation === beginning.generation)
      .toSorted((one, other) => other.lastSeq - one.lastSeq);
    for (const { from } of having) {
      const path = newPath();
      try {
        if (!(await fetchCopy({ connection, from, path, signal }))) continue;
        takeCopy(store, path);
        log.info("journal.copied", `took a copy of the journal of ${from}`, { from });
        return true;
      } catch (error) {
        // What cannot be trusted is not taken; another peer may have better.
        if (!(error instanceof Problem)) throw error;
        log.error("journal.copy-refused", `the copy of ${from} cannot be used: ${error.detail}`);
      } finally {
        rmSync(path, { force: true });
      }
    }
    return false;
  }

  async function askAll(question: Parameters<AskPeers>[0]): ReturnType<AskPeers> {
    const answers = await peers.ask(question);
    withoutRoom = listWithoutRoom(answers, options.peersExpected);
    return answers;
  }

  return {
    ask: peers.ask,
    mayFound: async () => mayFoundBus(await peers.ask({ seq: 0 }), options.peersExpected),
    mayGoOn: async (position) => {
      const answers = await peers.ask({ seq: position.lastSeq });
      refuseOthers(position, answers);
      return answers.length >= options.peersExpected;
    },
    takeCopy: takeCopyOf,
    compare: (journal) => compareForever({ ...{ ask: askAll, chainAt, journal, log }, store }),
    withoutRoom: () => withoutRoom,
    [Symbol.dispose]: () => stack.dispose(),
  };
}

/** Of two buses one would be lost, and of two ends of one bus the longer is the true one. */
function refuseOthers(position: Position, answers: readonly PeerAnswer[]): void {
  for (const { name, bus } of answers) {
    if (!bus) continue;
    if (bus.busId !== position.busId || bus.generation !== position.generation) {
      throw new Problem(
        "cluster-refused",
        `Cannot go on as a cluster: the database here is of bus ${position.busId}, and ${name} has one of bus ${bus.busId}; nothing was changed: give ${name} an empty folder, or this node`,
      );
    }
    if (bus.lastSeq > position.lastSeq) {
      throw new Problem(
        "cluster-refused",
        `Cannot go on from entry ${position.lastSeq}: ${name} has this bus up to entry ${bus.lastSeq}; rebuild from ${name} and reset this node, or, to lose what it has more, reset ${name}`,
      );
    }
  }
}

/** Copies that a process left behind which was killed. */
function removeCopies(folder: string): void {
  for (const file of readdirSync(folder)) {
    if (/^copy-[0-9a-f]{16}\.db$/.test(file)) rmSync(join(folder, file), { force: true });
  }
}

function compareForever(parts: {
  readonly ask: AskPeers;
  readonly chainAt: (seq: number) => string | null;
  readonly journal: Pick<ReplicatedWritePath, "stop" | "stopped">;
  readonly store: Store;
  readonly log: Pick<Log, "error">;
}): AsyncDisposable {
  const { ask, chainAt, journal, store, log } = parts;
  const ended = Promise.withResolvers<"ended">();
  let told = "";
  const running = (async () => {
    do {
      // Peers have applied by now what this node had applied when it last asked.
      const seq = positionOf(store)?.lastSeq ?? 0;
      if ((await withTimeout(ended.promise, JOURNAL_ASK_MS)) === "ended") return;
      const answers = await ask({ seq });
      const comparison = compareChains(chainAt(seq) ?? "", answers);
      if (comparison.kind === "alike") continue;
      const names = comparison.names.join(", ");
      if (comparison.kind === "differs") {
        journal.stop(differs(seq, names));
      } else if (names !== told) {
        told = names;
        log.error("journal.differs", `the history of ${names} differs from that of most nodes`, {
          seq,
        });
      }
    } while (!journal.stopped());
  })();
  return {
    async [Symbol.asyncDispose]() {
      ended.resolve("ended");
      await running;
    },
  };
}

function differs(seq: number, names: string): Problem {
  return new Problem(
    "journal-damaged",
    `Cannot trust the journal here: behind entry ${seq} the history of ${names} is another one; stop this node, put its database aside with: unibus node reset, and start it: it takes a copy of theirs`,
  );
}
