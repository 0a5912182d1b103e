import { X509Certificate } from "node:crypto";
import { fingerprintOf } from "../config/certificate.ts";
import type { NodeSettings } from "../config/load.ts";
import { forgetRoll, hasRoll, readRoll, writeRoll, writeRollFiles } from "../config/route-roll.ts";
import { type RouteTls, readRouteTls, routeTlsFiles } from "../config/tls-files.ts";
import { ROLL_CHECK_MS, ROLL_SETTLE_MS, ROLL_TOLD_MS, TLS_RETRY_MS } from "../core/limits.ts";
import { certificateBlocks } from "../core/pem.ts";
import { Problem } from "../core/problems.ts";
import {
  decideRollStep,
  type OpenRollPhase,
  ROLL_PHASES,
  type RollAnswer,
  type RollPhase,
  type RollState,
  rollMembers,
} from "../core/route-roll.ts";
import type { NatsConnection } from "../nats/connection.ts";
import { openRollPeers, type RollPeers } from "../nats/roll-peers.ts";
import type { Log } from "../system/log.ts";
import { every } from "../system/wait.ts";
import type { ClusterMembership } from "./cluster.ts";
import type { DataPlane } from "./data-plane.ts";

/** What a node does in each phase, in words that follow its name or "this node". */
const PHASE_WORDS: Readonly<Record<RollPhase, string>> = {
  received: "has what it needs, and nothing is changed",
  trusts: "trusts the new CA beside the old one",
  shows: "shows its new certificate",
  demands: "trusts the new CA and takes the new secret alone",
  done: "has forgotten the old secret",
};
const STEPS = ROLL_PHASES.length - 1;
const JUST_RECEIVED = "a roll of the bus CA was handed over to this node a moment ago";

export interface RouteRoll extends AsyncDisposable {
  /** Takes the connection over which nodes ask each other. */
  connect(connection: NatsConnection): void;
  /** What an operator should know of it, a sentence each; none when no roll is under way. */
  warnings(): readonly string[];
  /** Whether the files of the routes are the roll's to replace, and nobody else's. */
  underWay(): boolean;
}

export interface RouteRollOptions {
  readonly settings: NodeSettings;
  readonly cluster: Pick<ClusterMembership, "secret" | "usePassword">;
  readonly dataPlane: Pick<DataPlane, "renewRouteTls" | "restartRoutes" | "report">;
  /** What the routes were started with: a phase whose files are in use is one that was taken. */
  readonly roll: RollState | null;
  readonly routeTls: () => RouteTls | null;
  readonly useRouteTls: (tls: RouteTls) => void;
  /** Names of the nodes that are known to be of the cluster, and of those that were removed from it. */
  readonly members: () => readonly string[];
  readonly removed: () => readonly string[];
  /** Whether this node follows the journal. */
  readonly follows: () => boolean;
  readonly log: Log;
}

/**
 * Takes this node through a roll of bus CA and route secret that an operator handed over, a step at a
 * time, when all others are as far. What it says of itself is what its nats-server has in use.
 */
export function followRoll(options: RouteRollOptions): RouteRoll {
  const { settings, log } = options;
  let taken: OpenRollPhase | null = options.roll?.phase ?? null;
  let state = options.roll;
  let now: Pick<RollAnswer, "ready" | "routes"> = { ready: false, routes: [] };
  let readyFrom = Number.NEGATIVE_INFINITY;
  let fault: string | null = null;
  let triedAt = Number.NEGATIVE_INFINITY;
  let waiting: readonly string[] = [];
  let told = "";
  let movedAt = performance.now();
  let peers: RollPeers | null = null;

  function answer(): { readonly said: RollAnswer; readonly secret: string } | null {
    const tls = options.routeTls();
    const { serverName: name } = settings;
    if (state && taken) {
      const { roll, password: secret } = state.handOver;
      return { said: { name, roll, phase: taken, ...now }, secret };
    }
    const secret = options.cluster.secret?.password;
    if (!tls || secret === undefined) return null;
    return { said: { name, roll: newestCaOf(tls), phase: "done", ...now }, secret };
  }

  async function lookAtSelf(): Promise<typeof now> {
    const { ready: plane, cluster } = await options.dataPlane.report();
    const settled = performance.now() >= readyFrom && options.follows();
    return {
      ready: plane && settled && typeof cluster?.leader === "string",
      routes: cluster?.routes ?? [],
    };
  }

  async function check(): Promise<void> {
    const kept = readRoll(settings);
    if (kept && !state) {
      state = kept;
      taken = kept.phase;
      movedAt = performance.now();
      log.info("roll.received", "a new bus CA and route secret were handed over to this node", {
        roll: kept.handOver.roll,
      });
    }
    if (!kept && state && taken === "received") {
      log.info("roll.withdrawn", "the roll was taken back before anything was changed here");
      [state, taken, waiting] = [null, null, []];
    }
    now = await lookAtSelf();
    const own = answer()?.said;
    if (!state || !own || !peers) return;
    // Not who has a route: one that is left out could have it under any name, and be waited for.
    const known = { members: options.members(), removed: options.removed() };
    const others = rollMembers(state.handOver, known).filter((name) => name !== own.name);
    const decision = decideRollStep({
      ...{ own, expected: others },
      ...(await peers.ask(others, state.handOver.password)),
    });
    if (decision.kind === "over") return;
    waiting = decision.kind === "wait" ? decision.reasons : [];
    tellWaiting(state, waiting);
    if (decision.kind === "step") await take(state, decision.to);
  }

  /** Tells of a wait that is longer than the others' steps take, and again when it is for others. */
  function tellWaiting({ phase, handOver }: RollState, reasons: readonly string[]): void {
    const words = reasons.join("; ");
    if (words === "" || words === told) return;
    if (performance.now() < movedAt + ROLL_TOLD_MS) return;
    told = words;
    const fields = { roll: handOver.roll, phase };
    log.info("roll.waiting", `the roll of the bus CA waits for ${words}`, fields);
  }

  /** Takes a step: what is to be is written first, so that a start after a kill goes on from it. */
  async function take(current: RollState, to: RollPhase): Promise<void> {
    const { roll } = current.handOver;
    const fields = { roll, phase: to };
    movedAt = performance.now();
    now = { ...now, ready: false };
    if (to === "done") {
      announce("is started anew, which closes its connections and routes", fields);
      options.cluster.usePassword({ password: current.handOver.password, former: null });
      await restart(options.routeTls());
      forgetRoll(settings);
      [state, taken, waiting] = [null, null, []];
      log.info("roll.done", "the roll of the bus CA and the route secret is done here", fields);
      return;
    }
    const next = { ...current, phase: to };
    writeRoll(settings, next);
    state = next;
    writeRollFiles(settings, next);
    const tls = readRouteTls(routeTlsFiles(settings), Date.now());
    if (to === "demands") {
      announce("is started anew, which closes its connections and routes", fields);
      const { password } = next.handOver;
      options.cluster.usePassword({ password, former: next.oldPassword });
      options.useRouteTls(tls);
      await restart(tls);
    } else {
      announce("loads other certificates, which closes the connections of all its clients", fields);
      const answered = await options.dataPlane.renewRouteTls?.(tls);
      if (answered?.kind === "refused") throw refused(answered.why);
      // It ended meanwhile, or hangs.
      if (answered?.kind !== "loaded") await restart(tls);
      options.useRouteTls(tls);
    }
    taken = to;
    log.info("roll.stepped", `the roll of the bus CA: this node ${PHASE_WORDS[to]}`, fields);
  }

  function announce(what: string, fields: { readonly roll: string; readonly phase: string }): void {
    const words = `the roll of the bus CA: nats-server ${what}; they come back by themselves within a moment`;
    log.info("roll.stepping", words, fields);
  }

  async function restart(tls: RouteTls | null): Promise<void> {
    if (tls) await options.dataPlane.restartRoutes?.(tls);
    // What is known of routes and streams is that of before, for a moment.
    readyFrom = performance.now() + ROLL_SETTLE_MS;
  }

  async function checkSafely(): Promise<void> {
    if (performance.now() < triedAt + TLS_RETRY_MS) return;
    try {
      await check();
      fault = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // Each try of a step may close the connections of all clients.
      triedAt = performance.now();
      now = { ...now, ready: false };
      fault = error.detail;
      if (error.detail !== told) log.error("roll.failed", error.detail);
      told = error.detail;
    }
  }

  const following = every(ROLL_CHECK_MS, checkSafely);
  return {
    connect(connection) {
      peers = openRollPeers({ connection, answer });
    },
    underWay: () => state !== null || hasRoll(settings),
    warnings: () => [
      ...(state ? [warningOf(state, taken, waiting)] : []),
      // Who was just told that this node has it must not read that there is none.
      ...(!state && fault === null && hasRoll(settings) ? [JUST_RECEIVED] : []),
      ...(fault === null ? [] : [`the roll of the bus CA stands still here: ${fault}`]),
    ],
    async [Symbol.asyncDispose]() {
      await following[Symbol.asyncDispose]();
      peers?.[Symbol.dispose]();
    },
  };
}

function warningOf(
  { handOver }: RollState,
  taken: OpenRollPhase | null,
  waiting: readonly string[],
): string {
  const phase = taken ?? "received";
  const step = ROLL_PHASES.indexOf(phase);
  const who = waiting.length > 0 ? `; it waits for ${waiting.join("; ")}` : "";
  return `a roll to the bus CA ${handOver.roll.slice(0, 16)} is under way: this node ${PHASE_WORDS[phase]} (step ${step} of ${STEPS})${who}`;
}

function refused(why: string): Problem {
  return new Problem(
    "tls-unusable",
    `Cannot take the step of the roll: nats-server refuses the certificates: ${why}`,
  );
}

/** The CA that a node trusts, in the form that names a roll; the new one stands before the old one. */
function newestCaOf({ caPem }: RouteTls): string {
  const [first = ""] = certificateBlocks(caPem);
  return fingerprintOf(new X509Certificate(first));
}
