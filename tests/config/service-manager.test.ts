import { expect, test } from "bun:test";
import type { Environment } from "../../src/config/load.ts";
import { findServiceManager, type ServiceManager } from "../../src/config/service-manager.ts";

const PID = 42;
const CASES: readonly (readonly [Environment, ServiceManager | null])[] = [
  [{}, null],
  [{ NOTIFY_SOCKET: "" }, null],
  [{ WATCHDOG_USEC: "1000000" }, null],
  [{ NOTIFY_SOCKET: "/run/notify" }, { socket: "/run/notify", watchdogMs: null }],
  [
    { NOTIFY_SOCKET: "@notify", WATCHDOG_USEC: "20000000", WATCHDOG_PID: "42" },
    { socket: "@notify", watchdogMs: 20_000 },
  ],
  // Another process is watched.
  [
    { NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: "20000000", WATCHDOG_PID: "41" },
    { socket: "/run/notify", watchdogMs: null },
  ],
  ...["0", "-1", "x", "1e3", ""].map(
    (limit) =>
      [
        { NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: limit },
        { socket: "/run/notify", watchdogMs: null },
      ] as const,
  ),
];

test.each(CASES)("the environment %j names the service manager %j", (env, manager) => {
  expect(findServiceManager(env, PID)).toEqual(manager);
});
