import { dirname } from "node:path";
import { readLastMode } from "../config/judge-start.ts";
import {
  CONNECTIONS_PER_USER_MAX,
  PAYLOAD_BYTES_MAX,
  ROOMS_PER_USER_MAX,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
} from "../core/limits.ts";
import type { Commit } from "../core/operations.ts";
import { VERSION } from "../core/version.ts";
import { createApp } from "../http/app.ts";
import type { AppParts } from "../http/parts.ts";
import { openNodeStore } from "../store/head.ts";
import { getBus } from "../store/journal.ts";
import type { Store } from "../store/open.ts";
import { refuseClusterFolder, refuseMarkedFolder } from "./cluster-folder.ts";
import { watchDisk } from "./disk.ts";
import { openDiskRoom } from "./disk-room.ts";
import { verifyStore } from "./head.ts";
import { raiseLoneBus } from "./level.ts";
import { bindReads, newOperationId, randomBytes } from "./reads.ts";
import { commitUnsettled, openWritePath } from "./write-path.ts";

/** The API of a node that does not run, inside the process of a command. */
export interface OfflineApi extends Disposable {
  fetch(request: Request): Promise<Response>;
}

/**
 * Opens a database and answers its API as the admin socket would: the same rules, the same write path
 * (M-014). Call it with the lock of the database's folder held. `complain` is told what only a log
 * would tell. Throws what opening the database throws.
 */
export function openOfflineApi(options: {
  readonly db: string;
  readonly complain: (message: string) => void;
}): OfflineApi {
  const { db } = options;
  refuseMarkedFolder(db);
  using stack = new DisposableStack();
  const room = stack.use(openDiskRoom(db));
  const store = stack.use(openNodeStore({ path: db, random: randomBytes, clustered: false }));
  refuseClusterFolder(store);
  // Nothing is built on a journal that is not what was written.
  verifyStore(store, { db, log: { info: () => undefined, warn: () => undefined } });
  const now = (): number => Date.now();
  const path = watchDisk(openWritePath(store), { store, room, now });
  const app = createApp(offlineParts(store, { ...options, commit: commitUnsettled(path) }));
  const raised = raiseLoneBus({ store, commit: path.commit, now });
  const opened = stack.move();
  return {
    async fetch(request) {
      await raised;
      return await app.fetch(request, { kind: "socket" });
    },
    [Symbol.dispose]: () => opened.dispose(),
  };
}

function offlineParts(
  store: Store,
  parts: {
    readonly db: string;
    readonly complain: (message: string) => void;
    readonly commit: Commit;
  },
): AppParts {
  const { db, complain, commit } = parts;
  const { busId } = getBus(store);
  // What it would run in now is for its flags to say.
  const mode = readLastMode(dirname(db)) ?? "off";
  const posture = { mode, tls: false, cluster: null, version: VERSION };
  return {
    mode,
    version: VERSION,
    busId: () => busId,
    startedAt: Date.now(),
    // Nobody but this process asks here.
    rates: { addressPerSecond: 1, addressBurst: 1, userPerSecond: 1, userBurst: 1 },
    trustedProxies: [],
    randomBytes,
    uid: process.getuid?.() ?? 0,
    // This machine's operator decides here; a node that refuses plain rooms will keep them closed.
    plainRooms: true,
    commit,
    now: () => Date.now(),
    elapsed: () => performance.now(),
    newOperationId,
    read: bindReads(store),
    health: () => ({
      alive: false,
      ready: false,
      version: VERSION,
      bus: busId,
      posture: {
        mode,
        tls: false,
        rights: "rooms",
        plainRooms: true,
        cluster: null,
        dataPlane: "embedded",
      },
      parts: [{ part: "node", ready: false, detail: "is stopped" }],
      warnings: [],
    }),
    bus: () => ({
      ...posture,
      dataPlane: "embedded",
      clientUrls: [],
      nodes: [],
      natsVersion: null,
      limits: {
        payloadBytesMax: PAYLOAD_BYTES_MAX,
        connectionsPerUserMax: CONNECTIONS_PER_USER_MAX,
        subscriptionsPerConnectionMax: SUBSCRIPTIONS_PER_CONNECTION_MAX,
        roomsPerUserMax: ROOMS_PER_USER_MAX,
      },
    }),
    cluster: { view: async () => null },
    refusals: () => ({ counts: {}, last: [] }),
    countRefusal: () => undefined,
    ownHosts: () => [],
    log: { info: () => undefined, error: (_event, message) => complain(message) },
  };
}
