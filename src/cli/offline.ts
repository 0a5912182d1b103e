import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { LOCK_RETRY_MS, LOCK_WAIT_MS } from "../core/limits.ts";
import { LOCK_FILE } from "../core/node-files.ts";
import { Problem } from "../core/problems.ts";
import { createClient } from "../sdk/client.ts";
import { foreignFileFault } from "../server/folders.ts";
import { openOfflineApi } from "../server/offline.ts";
import { ensurePrivateFolder } from "../system/files.ts";
import { acquireLock } from "../system/lock.ts";
import { folderFault } from "../system/safe-folder.ts";
import type { Node } from "./node.ts";

/**
 * Opens the database of a node that does not run and answers its API in this process: the same rules
 * and the same write path, under the lock that a node would hold (M-014, M-015).
 * While another process holds the lock it waits, and speaks to the node if one comes up.
 * Throws "folder-in-use" when the wait is over, "file-unusable" for a folder that others may write to or
 * that cannot be locked, and what opening the database throws.
 */
export async function openOffline(options: {
  readonly db: string;
  readonly findRunning: () => Promise<Node | null>;
  readonly say: (line: string) => void;
}): Promise<Node> {
  const { db, findRunning, say } = options;
  const folder = dirname(db);
  const deadlineAt = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    const lock = lockFolder(db, { make: true });
    if (lock) return openUnderLock({ db, lock, say });
    const running = await findRunning();
    if (running) return running;
    if (performance.now() > deadlineAt) throw inUse(folder);
    // Spread, so that commands that wait together do not try together for ever.
    await Bun.sleep(LOCK_RETRY_MS * (0.5 + Math.random()));
  }
}

/**
 * Takes the folder of a database whose node does not run; null while somebody else has it.
 * Throws "node-not-found" for a folder that is not there and not to be made, and "file-unusable".
 */
export function lockFolder(db: string, { make }: { readonly make: boolean }): Disposable | null {
  const folder = dirname(db);
  refuseUnsafe(folder);
  const foreign = foreignFileFault(db);
  if (foreign) throw new Problem("file-unusable", `Cannot use the folder "${folder}": ${foreign}`);
  if (!make && !existsSync(folder)) {
    throw new Problem(
      "node-not-found",
      `Cannot find a node: there is no folder "${folder}"; name it with --data-dir`,
    );
  }
  try {
    if (make && !existsSync(folder)) {
      ensurePrivateFolder(folder);
      // Others may have made it between the judging and now.
      refuseUnsafe(folder);
    }
    return acquireLock(folder, LOCK_FILE);
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    const why = cause instanceof Error ? cause.message : "unknown";
    throw new Problem("file-unusable", `Cannot lock the folder "${folder}": ${why}`, { cause });
  }
}

function refuseUnsafe(folder: string): void {
  const fault = folderFault(folder);
  if (fault) throw new Problem("file-unusable", `Cannot use the folder "${folder}": it ${fault}`);
}

function openUnderLock({
  db,
  lock,
  say,
}: {
  readonly db: string;
  readonly lock: Disposable;
  readonly say: (line: string) => void;
}): Node {
  using stack = new DisposableStack();
  stack.use(lock);
  const isNew = !existsSync(db);
  const complain = (message: string) => say(`unibus: ${message}`);
  const api = stack.use(openOfflineApi({ db, complain }));
  if (isNew) say(`made a new database: ${db}`);
  const where = `the database of the stopped node, ${db}`;
  const client = createClient({
    baseUrl: "http://localhost",
    name: where,
    fetch: (url, init) => api.fetch(new Request(url, init)),
  });
  const opened = stack.move();
  return {
    client,
    where,
    running: false,
    remote: null,
    [Symbol.asyncDispose]: async () => opened.dispose(),
  };
}

function inUse(folder: string): Problem {
  return new Problem(
    "folder-in-use",
    `Cannot open the data in "${folder}": another process holds it and answers no commands; wait for it to end, or stop it`,
  );
}
