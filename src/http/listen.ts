import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { hostPort } from "../core/bind.ts";
import { CIPHER_LIST } from "../core/cipher-suites.ts";
import {
  HTTP_ANSWER_TIMEOUT_MS,
  HTTP_BODY_BYTES_MAX,
  HTTP_IDLE_TIMEOUT_MS,
  HTTP_REOPEN_RETRY_MS,
  HTTP_REOPEN_TIMEOUT_MS,
} from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { codeOf, wordsOf } from "../core/thrown.ts";
import { problemResponse } from "./problem.ts";

export interface Listening {
  /**
   * Takes no more connections, waits for the requests under way, and after `graceMs` closes what is
   * left, a request whose body still trickles in too (M-100).
   */
  stop(graceMs: number): Promise<void>;
}

/** What Bun is told whichever way it listens. */
const COMMON = {
  // It is on unless NODE_ENV says otherwise, and then an error answers a page with source lines.
  development: false,
  // Our own ceilings are lower and answer a problem; this one would answer an empty 413.
  maxRequestBodySize: HTTP_BODY_BYTES_MAX,
  error: () =>
    problemResponse({ code: "internal", detail: "Cannot answer: the node met an error" }),
};

/**
 * Bun cuts off who waits at a socket for ten seconds too, if the request has no body. Its types know of no
 * way to say otherwise there; what runs does.
 */
const SOCKET_PATIENCE: object = { idleTimeout: HTTP_ANSWER_TIMEOUT_MS / 1000 };

/** A certificate with its chain and its key, both PEM. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
}

export interface ListeningTcp extends Listening {
  readonly port: number;
  /**
   * Serves another certificate from the next connection on. The port is closed for less than a
   * millisecond; requests under way are ended by the old listener, idle connections are closed.
   * Throws "start-failed" when the port cannot be had again.
   */
  renewTls(tls: ListenerTls): Promise<void>;
}

/**
 * Listens on a TCP port, with TLS (1.2 or newer) when a certificate is given; `port` tells which one
 * it is when 0 was asked for. `fetch` is told the address of the client.
 * Throws "start-failed" when the port cannot be had (M-059).
 */
export function listenTcp(options: {
  readonly hostname: string;
  readonly port: number;
  readonly tls?: ListenerTls | undefined;
  readonly fetch: (
    request: Request,
    address: string,
    /** Gives the answer more time than a silent client has: its request has come whole. */
    bearWith: () => void,
  ) => Promise<Response>;
  /** How long a connection may be silent, in ms. */
  readonly silenceMs?: number;
}): ListeningTcp {
  const { hostname, silenceMs = HTTP_IDLE_TIMEOUT_MS } = options;
  const fetch = (request: Request, bun: Server): Promise<Response> => {
    const address = bun.requestIP(request)?.address ?? "";
    // Bun takes the time of an answer for the silence of its client.
    const bearWith = () => bun.timeout(request, HTTP_ANSWER_TIMEOUT_MS / 1000);
    return options.fetch(request, address, bearWith);
  };
  const open = (port: number, tls: ListenerTls | undefined): Server => {
    try {
      return Bun.serve({
        ...COMMON,
        hostname,
        port,
        // Left out, it is on in Bun 1.4, and two processes would share the port.
        reusePort: false,
        idleTimeout: silenceMs / 1000,
        ...(tls ? { tls: { cert: tls.cert, key: tls.key, ciphers: CIPHER_LIST } } : {}),
        fetch,
      });
    } catch (cause) {
      throw portFailure(hostPort(hostname, port), cause);
    }
  };
  let server = open(options.port, options.tls);
  const port = server.port ?? options.port;
  /** Listeners of older certificates, as long as a request of theirs is under way. */
  const retired = new Set<Server>();

  function retire(old: Server): void {
    retired.add(old);
    old.stop(false).then(
      () => retired.delete(old),
      () => retired.delete(old),
    );
  }
  async function renewTls(tls: ListenerTls): Promise<void> {
    // `reload({ tls })` of Bun 1.4 takes no notice of a certificate.
    retire(server);
    const deadlineAt = performance.now() + HTTP_REOPEN_TIMEOUT_MS;
    for (;;) {
      try {
        server = open(port, tls);
        return;
      } catch (error) {
        if (performance.now() > deadlineAt) throw error;
        await Bun.sleep(HTTP_REOPEN_RETRY_MS);
      }
    }
  }

  return {
    port,
    renewTls,
    async stop(graceMs) {
      await Promise.all([...retired, server].map((one) => stopServer(one, graceMs)));
    },
  };
}

type Server = Bun.Server<undefined>;

function portFailure(place: string, cause: unknown): Problem {
  const why = codeOf(cause) === "EADDRINUSE" ? "the port is taken" : wordsOf(cause);
  return new Problem("start-failed", `http server: cannot listen on ${place}: ${why}`, { cause });
}

/**
 * Listens on the node's own socket, which nobody but its owner can connect to. A socket left by a
 * process that died is replaced. Call it with the lock of the folder held.
 * Throws "folder-in-use" when somebody answers there, "start-failed" when it cannot be made.
 */
export async function listenSocket(options: {
  readonly path: string;
  readonly fetch: (request: Request) => Promise<Response>;
}): Promise<Listening> {
  const { path, fetch } = options;
  await removeStaleSocket(path);
  // The file must not be open to others even for a moment, so it is made closed.
  const before = process.umask(0o177);
  try {
    const server = Bun.serve({
      ...COMMON,
      ...SOCKET_PATIENCE,
      unix: path,
      fetch: (request: Request) => fetch(request),
    });
    chmodSync(path, 0o600);
    return { stop: (graceMs) => stopServer(server, graceMs) };
  } catch (cause) {
    throw new Problem(
      "start-failed",
      `http server: cannot listen on the socket "${path}": ${wordsOf(cause)}`,
      { cause },
    );
  } finally {
    process.umask(before);
  }
}

async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) {
    throw new Problem(
      "start-failed",
      `http server: cannot listen on the socket "${path}": another file has this name`,
    );
  }
  if (await answers(path)) {
    throw new Problem(
      "folder-in-use",
      `http server: cannot listen on the socket "${path}": another process answers there`,
    );
  }
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function stopServer(
  server: { stop(closeActiveConnections?: boolean): Promise<void> },
  graceMs: number,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const graceOver = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  await Promise.race([server.stop(false), graceOver]);
  clearTimeout(timer);
  await server.stop(true);
}
