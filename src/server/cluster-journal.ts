import { dirname } from "node:path";
import { expectedNodes } from "../core/cluster-members.ts";
import type { NatsConnection } from "../nats/connection.ts";
import { openControlStream } from "../nats/control-stream.ts";
import { findBeginning } from "../store/beginning.ts";
import { listNodes } from "../store/nodes.ts";
import type { Store } from "../store/open.ts";
import type { Log } from "../system/log.ts";
import { openClusterPeers } from "./cluster-peers.ts";
import { openReplicatedWritePath, type ReplicatedWritePath } from "./replicated-write-path.ts";
import { openRestore } from "./restore-start.ts";

/** Copies of the journal: with three one node may be lost; more would only cost. */
const REPLICAS_MAX = 3;

/**
 * Opens the journal of a cluster over a connection to this node's own server, as soon as a majority of
 * the nodes is there, however long that takes; all of them where the bus only begins.
 * Throws "cluster-refused" and "journal-damaged" when what is here is no part of it, "not-ready" when
 * `signal` ends the waiting.
 */
export async function openClusterJournal(options: {
  readonly store: Store;
  readonly control: NatsConnection;
  /** This node's server name. */
  readonly name: string;
  /** The database's file; what the operator asked for lies beside it. */
  readonly db: string;
  /** Routes of the settings to other nodes. */
  readonly configured: number;
  readonly staleMaxMs: number;
  readonly signal: AbortSignal;
  readonly log: Log;
}): Promise<ReplicatedWritePath> {
  const { store, control, name, db, configured, staleMaxMs, signal, log } = options;
  const restore = openRestore({ db, store });
  // Nodes that are gone for good are not waited for by the one that the bus is to go on from.
  const nodes = restore.rebuild ? [] : listNodes(store);
  const peersExpected = expectedNodes({ self: name, configured, nodes }).count;
  await using stack = new AsyncDisposableStack();
  const peers = stack.use(
    openClusterPeers({
      ...{ connection: control, name, peersExpected, store, folder: dirname(db), signal, log },
    }),
  );
  const stream = await openControlStream({
    connection: control,
    replicas: Math.min(peersExpected + 1, REPLICAS_MAX),
    // A bus that was part of a cluster has its entries in a stream; a new one would be a fork.
    create: findBeginning(store) === null,
    rebuild: restore.rebuild,
    signal,
  });
  const path = stack.use(
    await openReplicatedWritePath({
      ...{ ...peers, ...restore.guard(peers), store, stream, staleMaxMs, signal },
      rebuild: restore.rebuild,
    }),
  );
  restore.endWith(path);
  stack.use(peers.compare(path));
  const owned = stack.move();
  return {
    ...path,
    withoutRoom: peers.withoutRoom,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
