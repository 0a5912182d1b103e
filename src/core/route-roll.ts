import { isNodeName } from "./cluster-policy.ts";
import { NODES_MAX, ROLL_PEM_CHARS_MAX } from "./limits.ts";
import { parseObject } from "./objects.ts";

/**
 * Where a node is in the roll of bus CA and route secret, in this order:
 * - received: it has its hand-over, and nothing is changed.
 * - trusts: it trusts the new CA beside the old one.
 * - shows: it shows the new certificate.
 * - demands: it trusts the new CA alone and takes the new secret alone; it dials with both secrets.
 * - done: it dials with the new one alone, and has forgotten the old one.
 * The secret changes where no certificate of the old CA gets TLS any more: nats-server dials every node
 * that it hears of with the secret that it takes itself, and would tell it to one that was left out.
 */
export const ROLL_PHASES = ["received", "trusts", "shows", "demands", "done"] as const;
export type RollPhase = (typeof ROLL_PHASES)[number];
/** A phase in which something is yet to come. */
export type OpenRollPhase = Exclude<RollPhase, "done">;

/** What a node says about itself. Nothing of it is secret. */
export interface RollAnswer {
  readonly name: string;
  /** The roll that it is in or was in last: SHA-256 of the new CA's certificate, in hex. */
  readonly roll: string;
  readonly phase: RollPhase;
  /** Whether it follows the journal, with what its phase asks for. */
  readonly ready: boolean;
  /** Names of the nodes that it has routes to. */
  readonly routes: readonly string[];
}

export type RollDecision =
  | { readonly kind: "step"; readonly to: RollPhase }
  /** Not now; `reasons` say whom it waits for, a clause each. */
  | { readonly kind: "wait"; readonly reasons: readonly string[] }
  | { readonly kind: "over" };

/**
 * Decides whether a node takes its next step: when every other node that is expected has just answered,
 * is in the same roll, no phase behind it, ready and has a route to each, and those whose names come before its own have taken
 * that step. So there is one node at a time between two phases, and no two nodes are more than one
 * phase apart. Phases only grow: an answer that is late can make a node wait, and no more.
 */
export function decideRollStep(facts: {
  readonly own: RollAnswer;
  /** The names of all nodes that take part; whether the own one is among them is all the same. */
  readonly expected: readonly string[];
  readonly answers: readonly RollAnswer[];
  /** Names of those who answered and could not prove that they know the new secret. */
  readonly unproven?: readonly string[];
}): RollDecision {
  const { own, expected, answers, unproven = [] } = facts;
  const to = nextPhase(own.phase);
  if (to === null) return { kind: "over" };
  const members = [...new Set([...expected, own.name])].sort();
  const reasons = members.flatMap((name) => {
    const said = name === own.name ? [own] : answers.filter((answer) => answer.name === name);
    const reason =
      said.length === 0
        ? silenceWords(unproven.includes(name))
        : reasonToWait(said, { own, to, name, members });
    return reason === null ? [] : [`${name === own.name ? "this node" : name}, ${reason}`];
  });
  return reasons.length === 0 ? { kind: "step", to } : { kind: "wait", reasons };
}

function reasonToWait(
  said: readonly RollAnswer[],
  step: {
    readonly own: RollAnswer;
    readonly to: RollPhase;
    readonly name: string;
    readonly members: readonly string[];
  },
): string | null {
  const { own, to, name, members } = step;
  if (said.some(({ roll }) => roll !== own.roll)) return silenceWords(true);
  const least = Math.min(...said.map(({ phase }) => rankOf(phase)));
  if (least < (name < own.name ? rankOf(to) : rankOf(own.phase))) return "whose turn it is";
  if (!said.every(({ ready }) => ready)) return "which is not ready";
  const far = members.filter((other) => {
    return other !== name && !said.every(({ routes }) => routes.includes(other));
  });
  return far.length === 0 ? null : `which has no route to ${far.join(", ")}`;
}

function silenceWords(isThere: boolean): string {
  return isThere ? "which was not handed this roll" : "which does not answer";
}

function rankOf(phase: RollPhase): number {
  return ROLL_PHASES.indexOf(phase);
}

function nextPhase(phase: RollPhase): RollPhase | null {
  return ROLL_PHASES[rankOf(phase) + 1] ?? null;
}

/** What an operator hands over to one node for a roll. */
export interface RollHandOver {
  readonly format: typeof ROLL_FORMAT;
  /** The node that it is for. */
  readonly node: string;
  /** All nodes for which the roll was made. */
  readonly nodes: readonly string[];
  /** Nodes that are left out by it. */
  readonly without: readonly string[];
  /** SHA-256 of the certificates of the old CA and of the new one, in hex. */
  readonly from: string;
  readonly roll: string;
  /** Certificates of the new CA and, made by it, of the node; both PEM. */
  readonly ca: string;
  readonly certificate: string;
  readonly password: string;
}

export const ROLL_FORMAT = 1 as const;
/** What is signed begins with it: a signature of a hand-over is that of nothing else. */
export const ROLL_DOMAIN = "unibus roll 1\n";

const HEX_32_BYTES = /^[0-9a-f]{64}$/;
const BASE64URL_32_BYTES = /^[A-Za-z0-9_-]{43}$/;

/** Reads the signed line of a hand-over; null for what is none. */
export function parseRollHandOver(text: string): RollHandOver | null {
  const { format, node, nodes, without, from, roll, ca, certificate, password } = parseObject(text);
  if (format !== ROLL_FORMAT || !isName(node) || !isNames(nodes) || !isNames(without)) return null;
  if (!isText(from, HEX_32_BYTES) || !isText(roll, HEX_32_BYTES)) return null;
  if (!isPem(ca) || !isPem(certificate) || !isText(password, BASE64URL_32_BYTES)) return null;
  return { format, node, nodes, without, from, roll, ca, certificate, password };
}

/** What a node keeps of a roll until it is through. */
export interface RollState {
  readonly phase: OpenRollPhase;
  readonly handOver: RollHandOver;
  /** What its files held before: certificates of the old CA, PEM, and the old password. */
  readonly oldCa: string;
  readonly oldPassword: string;
}

/** Renders what a node keeps; it holds secrets. */
export function renderRollState(state: RollState): string {
  return `${JSON.stringify({ ...state, handOver: JSON.stringify(state.handOver) })}\n`;
}

/** Reads what a node kept; null for what is none. */
export function parseRollState(text: string): RollState | null {
  const { phase, handOver, oldCa, oldPassword } = parseObject(text);
  const given = typeof handOver === "string" ? parseRollHandOver(handOver) : null;
  if (!given || !isOpenPhase(phase) || !isPem(oldCa) || typeof oldPassword !== "string")
    return null;
  return { phase, handOver: given, oldCa, oldPassword };
}

/** What a node's files hold in a phase; null for one that is left as it was. */
export interface RollFiles {
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly password: string | null;
}

/** Says what a node's files hold in its phase. The key stays what it was. */
export function rollFilesOf({ phase, handOver, oldCa }: RollState): RollFiles {
  const { ca, certificate, password } = handOver;
  const both = `${ca.trimEnd()}\n${oldCa.trimEnd()}\n`;
  switch (phase) {
    case "received":
      return { ca: null, certificate: null, password: null };
    case "trusts":
      return { ca: both, certificate: null, password: null };
    case "shows":
      return { ca: both, certificate, password: null };
    case "demands":
      return { ca, certificate, password };
    default:
      return phase satisfies never;
  }
}

/** The names of those whom a node of a roll waits for. */
export function rollMembers(
  { nodes, without }: Pick<RollHandOver, "nodes" | "without">,
  known: { readonly members: readonly string[]; readonly removed: readonly string[] },
): readonly string[] {
  const left = new Set([...without, ...known.removed]);
  return [...new Set([...nodes, ...known.members])].filter((name) => !left.has(name)).sort();
}

/** Reads what another node answered; null for what is no answer. */
export function parseRollAnswer(text: string): RollAnswer | null {
  const { name, roll, phase, ready, routes } = parseObject(text);
  if (!isName(name) || !isText(roll, HEX_32_BYTES) || !isNames(routes)) return null;
  if (!isPhase(phase) || typeof ready !== "boolean") return null;
  return { name, roll, phase, ready, routes };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && isNodeName(value);
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= NODES_MAX && value.every(isName);
}

function isText(value: unknown, form: RegExp): value is string {
  return typeof value === "string" && form.test(value);
}

function isPem(value: unknown): value is string {
  return (
    typeof value === "string" &&
    value.length <= ROLL_PEM_CHARS_MAX &&
    value.startsWith("-----BEGIN CERTIFICATE-----")
  );
}

function isPhase(value: unknown): value is RollPhase {
  return ROLL_PHASES.some((phase) => phase === value);
}

function isOpenPhase(value: unknown): value is OpenRollPhase {
  return isPhase(value) && value !== "done";
}
