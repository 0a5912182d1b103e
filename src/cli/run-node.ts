import type { Environment, NodeSettings } from "../config/load.ts";
import { findServiceManager } from "../config/service-manager.ts";
import { EXIT, Problem } from "../core/problems.ts";
import { type RunningNode, startNode } from "../server/boot.ts";
import { needsFirstAdmin, seedFirstAdmin } from "../server/first-admin.ts";
import { notifyServiceManager } from "../server/service-manager.ts";
import { createLog, type Log, logFormatOf } from "../system/log.ts";
import { folderOf } from "./place.ts";
import { refuseProfile } from "./profile.ts";

/** Signals that end a node in good order. */
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

interface RunOptions {
  readonly settings: NodeSettings;
  readonly env: Environment;
  readonly onReady?: (node: RunningNode) => Promise<void>;
}

/**
 * Runs a node until it is told to stop, or cannot go on. `onReady` may use the running node.
 * Returns the exit code: 0 after a stop in good order, 1 after a fault.
 * Throws the `Problem` of a start that is refused or fails.
 */
export async function runNode(options: RunOptions): Promise<number> {
  const { settings, env } = options;
  refuseProfile(folderOf(settings));
  const logFormat = logFormatOf(settings.logFormat, process.stderr.isTTY === true);
  const log = createLog({ format: logFormat });
  // Asked for before anything starts: a signal during the start must end it in good order too.
  const stop = awaitStop();
  const node = await startNode({ settings, env, log, logFormat });
  const { answered } = node.dataPlane;
  using notices = notifyServiceManager(findServiceManager(env, process.pid), { answered, log });
  try {
    // A node of a cluster waits for the others, and is not to be started anew for that.
    notices.started();
    // In a cluster nobody knows who is admitted before the other nodes are there.
    const early = await Promise.race([node.ready, stop, node.fault]);
    if (early === undefined) await welcome(node, { ...options, log });
    const reason = early ?? (await Promise.race([stop, node.fault]));
    if (reason instanceof Problem) log.error("node.failed", reason.detail);
    notices.stopping();
    log.info("node.stopping", "shutting down...");
    await node[Symbol.asyncDispose]();
    log.info("node.stopped", "bye");
    return reason instanceof Problem ? EXIT.failed : EXIT.done;
  } catch (error) {
    await node[Symbol.asyncDispose]();
    throw error;
  }
}

/** Does once what the settings ask for on a bus that has nobody yet. */
async function welcome(
  node: RunningNode,
  { settings, onReady, log }: RunOptions & { readonly log: Log },
): Promise<void> {
  const { firstAdmin } = settings;
  if (firstAdmin !== "" && needsFirstAdmin(node)) {
    try {
      await seedFirstAdmin(node, firstAdmin);
    } catch (error) {
      // Every node of a cluster is told the same, and one of them is first.
      if (needsFirstAdmin(node)) throw error;
    }
    log.info("admin.seeded", "the first admin is the key of --first-admin", { user: firstAdmin });
  }
  await onReady?.(node);
}

/** Resolves at the first signal to stop. Later ones change nothing: a stop is bounded in time. */
function awaitStop(): Promise<"stopped"> {
  // A reload drops every client, so a habit of sending SIGHUP must not cause one.
  process.on("SIGHUP", () => undefined);
  const { promise, resolve } = Promise.withResolvers<"stopped">();
  for (const signal of STOP_SIGNALS) process.on(signal, () => resolve("stopped"));
  return promise;
}
