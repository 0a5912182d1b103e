import type { Environment } from "./load.ts";

/** A service manager that started this process and wants to hear how it is. */
export interface ServiceManager {
  /** Its socket for datagrams: a path, or "@" and a name that is in no folder. */
  readonly socket: string;
  /** It ends the process when it hears nothing for so long; null when it does not watch. */
  readonly watchdogMs: number | null;
}

/**
 * Finds the service manager in what systemd says to the processes that it starts; null without one.
 * Source: sd_notify(3), sd_watchdog_enabled(3).
 */
export function findServiceManager(env: Environment, pid: number): ServiceManager | null {
  const { NOTIFY_SOCKET: socket = "", WATCHDOG_USEC: limit = "", WATCHDOG_PID: watched } = env;
  if (socket === "") return null;
  const isWatched = /^[1-9]\d{0,15}$/.test(limit) && (watched ?? `${pid}`) === `${pid}`;
  return { socket, watchdogMs: isWatched ? Number(limit) / 1000 : null };
}
