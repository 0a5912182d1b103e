/*
 * What unibus promises to those outside: the tests of processes know it from here, not from the
 * sources, so that they try an executable as its users do. tests/core/promises.test.ts compares.
 */

/** Exit codes of the command line. */
export const EXIT = { done: 0, failed: 1, usage: 2, refused: 3, unreachable: 4 } as const;

/** Limits of docs/reference/limits.md. */
export const JSON_BODY_BYTES_MAX = 16_384;
export const PAYLOAD_BYTES_MAX = 262_144;
export const CONNECTIONS_PER_USER_MAX = 20;
export const SUBSCRIPTIONS_PER_CONNECTION_MAX = 1_000;
export const NATS_LOGIN_TIMEOUT_MS = 5_000;
export const NATS_QUICK_EXIT_MS = 1_000;

/** What a node says that it does not promise with an external NATS server. */
export const WITHDRAWN_PROMISES: readonly string[] = [
  "not promised with an external NATS server: that only admitted keys connect to it; it decides itself who does",
  "not promised with an external NATS server: that a revocation closes connections; unibus can close none there, and tells nobody there of a change of rights",
  "not promised with an external NATS server: anything about messages; who sent one, who reads it and whether it is kept is that server's word",
];
