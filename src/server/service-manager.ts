import type { ServiceManager } from "../config/service-manager.ts";
import type { Log } from "../system/log.ts";
import { openNotifySocket } from "../system/notify-socket.ts";

/** What this node says to the service manager that started it. */
export interface ServiceNotices extends Disposable {
  /** The start is over. From now on it hears, as long as the node's threads answer, that they do. */
  started(): void;
  stopping(): void;
}

/**
 * Speaks to the service manager in the words of sd_notify(3), which hold nothing of the node. A watchdog
 * hears twice in its time that this thread runs, and the other, which has `answered`: a node that hangs
 * closes nobody who is revoked, so it is to be ended, with its nats-server, and started anew.
 */
export function notifyServiceManager(
  manager: ServiceManager | null,
  options: { readonly answered: () => Promise<void>; readonly log: Log },
): ServiceNotices {
  const { answered, log } = options;
  const socket = manager && openNotifySocket(manager.socket);
  let reached = true;
  let asking: "no" | "once" | "late" = "no";
  let timer: ReturnType<typeof setInterval> | null = null;

  function send(text: string): void {
    const error = socket ? socket.send(text) : null;
    const reaches = error === 0;
    if (reached && !reaches) {
      const why = error === null ? "its address cannot be one" : `error ${error}`;
      log.warn("service-manager.unreachable", `the service manager is not reached: ${why}`);
    }
    reached = reaches;
  }
  async function ping(): Promise<void> {
    if (asking === "once") {
      log.error("node.hung", "logins are not decided: the service manager is not told to wait");
    }
    asking = asking === "no" ? "once" : "late";
    if (asking === "late") return;
    // An answer that comes late is one: a thread with much to do does not hang.
    await answered();
    asking = "no";
    if (timer) send("WATCHDOG=1");
  }
  function endWatch(): void {
    if (timer) clearInterval(timer);
    timer = null;
  }
  return {
    started() {
      if (!manager) return;
      send("READY=1");
      if (manager.watchdogMs !== null) {
        timer = setInterval(() => void ping(), manager.watchdogMs / 2);
      }
    },
    stopping() {
      endWatch();
      if (manager) send("STOPPING=1");
    },
    [Symbol.dispose]() {
      endWatch();
      socket?.[Symbol.dispose]();
    },
  };
}
