import { type ExternalNats, WITHDRAWN_PROMISES } from "../core/external-nats.ts";
import {
  EXTERNAL_NATS_CHECK_MS,
  EXTERNAL_NATS_PROBE_MS,
  EXTERNAL_NATS_START_MS,
} from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import type { NatsConnection } from "../nats/connection.ts";
import { type ExternalAnswer, knock, logIn, NOT_LISTENING } from "../nats/external.ts";
import type { Log } from "../system/log.ts";
import { withTimeout } from "../system/wait.ts";
import type { DataPlane, DataPlaneHealth } from "./data-plane.ts";

export interface ExternalOptions {
  readonly server: ExternalNats;
  /** Whether a server that lets anonymous clients in is refused. */
  readonly enforce: boolean;
  readonly log: Log;
}

/** How often a start asks a server again that does not answer. */
const START_RETRY_MS = 200;
/** How long a stop waits for a question under way. */
const STOP_TIMEOUT_MS = 500;

/**
 * Asks an external NATS server what a start depends on, without leaving anything open: under enforce
 * that nobody is let in without a login, and that ours is taken where there is one.
 * Throws `boot-refused` for a server that is open to all, `start-failed` when it refuses our login, or
 * when nobody can say whether it is open because it does not answer.
 */
export async function judgeExternalNats({ server, enforce }: Omit<ExternalOptions, "log">) {
  if (enforce) {
    const answer = await knockPatiently({ ...server, login: null });
    if (answer.kind === "admitted") {
      throw new Problem(
        "boot-refused",
        `Cannot start: the NATS server ${server.url} lets in who offers no credentials, so --bus-auth enforce would protect nothing; close it, or use --bus-auth off on loopback`,
      );
    }
    if (answer.kind === "unreachable") {
      throw new Problem(
        "start-failed",
        `external nats: ${server.url} does not answer (${answer.why}), so nobody knows whether it lets anonymous clients in; start it first`,
      );
    }
  }
  if (server.login && (await knock(server)).kind === "refused") {
    throw new Problem(
      "start-failed",
      `external nats: ${server.url} refuses the login that it was given; see --nats-creds`,
    );
  }
}

async function knockPatiently(server: ExternalNats): Promise<ExternalAnswer> {
  const deadlineAt = performance.now() + EXTERNAL_NATS_START_MS;
  for (;;) {
    const answer = await knock(server);
    const starting = answer.kind === "unreachable" && answer.why === NOT_LISTENING;
    if (!starting || performance.now() > deadlineAt) return answer;
    await Bun.sleep(START_RETRY_MS);
  }
}

/**
 * Uses a NATS server that is not this node's: looks whether it answers, and says what unibus does not
 * promise with it. What operations would do to connections is done to none.
 */
export function useExternalDataPlane({ server, enforce, log }: ExternalOptions): DataPlane {
  log.info("nats.external", `using external NATS: ${server.url}`, { url: server.url });
  log.info(
    "nats.trusted",
    "the external NATS server does its own authentication and TLS; unibus changes nothing there",
  );
  for (const promise of WITHDRAWN_PROMISES) log.warn("promise.withdrawn", promise);
  const watch = watchServer({ server, enforce, log });
  return {
    kind: "external",
    fault: new Promise(() => undefined),
    apply: () => undefined,
    bar: () => undefined,
    admit: () => undefined,
    answered: async () => undefined,
    report: async () => ({
      ...watch.health(),
      answers: true,
      ...{ connections: null, refusals: { counts: {}, last: [] }, cluster: null },
    }),
    access: () => ({
      url: server.url,
      clientUrls: [server.url],
      tls: server.tls || watch.info()?.tls_required === true,
      natsVersion: watch.info()?.version ?? null,
    }),
    connectControl: null,
    renewTls: null,
    renewRouteTls: null,
    restartRoutes: null,
    [Symbol.asyncDispose]: () => watch.stop(),
  };
}

interface Watch {
  health(): Pick<DataPlaneHealth, "ready" | "detail">;
  /** What the server said of itself, while unibus is connected to it. */
  info(): { readonly version: string; readonly tls_required?: boolean } | null;
  stop(): Promise<void>;
}

/**
 * Watches a server by staying connected to it, with the login that was given or without one where
 * anybody may; under enforce it asks again and again whether it has been opened to everybody.
 */
function watchServer({ server, enforce, log }: ExternalOptions): Watch {
  const stopped = Promise.withResolvers<void>();
  let stopping = false;
  let own: ExternalAnswer | null = null;
  let anonymous: ExternalAnswer | null = null;
  let connection: NatsConnection | null = null;
  let told = "";

  const health = () =>
    healthOf(server, own ?? anonymous, enforce && anonymous?.kind === "admitted");

  function tell(): void {
    const { ready, detail } = health();
    if (detail === told) return;
    const first = told === "";
    told = detail;
    if (!ready) log.warn("nats.unready", detail);
    else if (!first) log.info("nats.answered", detail);
  }
  async function ask(): Promise<void> {
    if (enforce) anonymous = await knock({ ...server, login: null });
    if (connection || (enforce && !server.login)) return;
    const answer = await logIn(server);
    own = answer;
    connection = answer.connection;
  }
  async function watch(): Promise<void> {
    while (!stopping) {
      await ask();
      tell();
      const silent = (own ?? anonymous)?.kind === "unreachable";
      const ended = connection?.closed() ?? stopped.promise;
      const pauseMs = silent ? EXTERNAL_NATS_CHECK_MS : EXTERNAL_NATS_PROBE_MS;
      await withTimeout(Promise.race([ended, stopped.promise]), pauseMs);
      if (!connection?.isClosed()) continue;
      connection = null;
      own = { kind: "unreachable", why: "it closed the connection" };
      if (!stopping) tell();
    }
    await connection?.close();
  }

  const watching = watch();
  return {
    health,
    info: () => connection?.info ?? null,
    async stop() {
      stopping = true;
      stopped.resolve();
      // One that is just asked may take longer; nothing depends on its answer any more.
      await withTimeout(watching, STOP_TIMEOUT_MS);
    },
  };
}

function healthOf(
  { login }: ExternalNats,
  answer: ExternalAnswer | null,
  open: boolean,
): Pick<DataPlaneHealth, "ready" | "detail"> {
  if (open) {
    const detail = "the external NATS server lets in who offers no credentials: close it";
    return { ready: false, detail };
  }
  switch (answer?.kind) {
    case undefined:
      return { ready: false, detail: "the external NATS server was not asked yet" };
    case "admitted":
      return { ready: true, detail: "the external NATS server answers" };
    case "refused":
      return login
        ? { ready: false, detail: "the external NATS server refuses the login that it was given" }
        : { ready: true, detail: "the external NATS server answers; unibus has no login there" };
    case "unreachable":
      return { ready: false, detail: "the external NATS server does not answer" };
  }
}
