import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import type { JournalStream } from "../../src/core/journal-stream.ts";
import { openControlStream } from "../../src/nats/control-stream.ts";
import { openClusterPeers } from "../../src/server/cluster-peers.ts";
import {
  openReplicatedWritePath,
  type ReplicatedWritePath,
} from "../../src/server/replicated-write-path.ts";
import { getBus } from "../../src/store/journal.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { rowsOf } from "./builders.ts";
import { eventually } from "./eventually.ts";
import type { ClusterServer } from "./nats-cluster.ts";

/** What a clustered node has of the journal: a database, a connection to its nats-server, a write path. */
export interface JournalNode extends AsyncDisposable {
  readonly store: Store;
  readonly path: string;
  readonly connection: NatsConnection;
  readonly stream: JournalStream;
  readonly writePath: ReplicatedWritePath;
  /** The events of its log. */
  readonly log: readonly string[];
}

export interface JournalNodeOptions {
  readonly server: ClusterServer;
  /** Where its database lies: the same again goes on with it. */
  readonly folder: string;
  readonly replicas?: number;
  readonly create?: boolean;
  readonly staleMaxMs?: number;
  readonly peersExpected?: number;
  readonly rebuild?: boolean;
  /** Stands between the journal and the stream. */
  readonly through?: (stream: JournalStream) => JournalStream;
  readonly timeoutMs?: number;
}

export async function openJournalNode(options: JournalNodeOptions): Promise<JournalNode> {
  await using stack = new AsyncDisposableStack();
  const { server } = options;
  const folder = join(options.folder, server.name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "unibus.db");
  const store = stack.use(openStore({ path, random: null }));
  const connection = await server.connect();
  stack.defer(() => connection.close());
  const signal = AbortSignal.timeout(options.timeoutMs ?? 20_000);
  const opened = await openControlStream({
    ...{ connection, signal, replicas: options.replicas ?? 3, create: options.create ?? true },
  });
  const stream = options.through?.(opened) ?? opened;
  const log: string[] = [];
  const note = (event: string): void => void log.push(event);
  const peers = stack.use(
    openClusterPeers({
      ...{ connection, store, folder, signal, name: server.name },
      ...{ peersExpected: options.peersExpected ?? 2, log: { info: note, error: note } },
    }),
  );
  const { mayFound, takeCopy } = peers;
  const staleMaxMs = options.staleMaxMs ?? 60_000;
  const writePath = stack.use(
    await openReplicatedWritePath({
      ...{ store, stream, signal, staleMaxMs, mayFound, takeCopy },
      ...{ rebuild: options.rebuild ?? false, now: () => 0 },
    }),
  );
  stack.use(peers.compare(writePath));
  const owned = stack.move();
  return {
    ...{ store, path, connection, stream, writePath, log },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Opens a node beside each server, all at once. */
export async function openJournalNodes(
  servers: readonly ClusterServer[],
  options: Omit<JournalNodeOptions, "server">,
): Promise<readonly JournalNode[]> {
  return await Promise.all(servers.map((server) => openJournalNode({ ...options, server })));
}

/** Waits until all nodes have applied the same, and returns how far that goes. */
export async function untilAlike(
  nodes: readonly JournalNode[],
  timeoutMs = 20_000,
): Promise<number> {
  const [first] = nodes;
  if (!first) throw new Error("There is no node");
  const stateOf = ({ store }: JournalNode): string => {
    const { busId, generation, lastSeq, chain } = getBus(store);
    return JSON.stringify([busId, generation, lastSeq, chain.toHex(), rowsOf(store)]);
  };
  await eventually(() => nodes.every((node) => stateOf(node) === stateOf(first)), {
    ...{ timeoutMs, everyMs: 50, what: "the same state on all nodes" },
  });
  return getBus(first.store).lastSeq;
}
