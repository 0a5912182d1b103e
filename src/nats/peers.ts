import type { NatsConnection } from "@nats-io/transport-node";
import type { PeerAnswer } from "../core/journal-stream.ts";
import { JOURNAL_PEERS_WAIT_MS } from "../core/limits.ts";
import { objectOf, parseObject } from "../core/objects.ts";

const SUBJECT = "peers.position";
const HEX_32_BYTES = /^[0-9a-f]{64}$/;
const HEX_16_BYTES = /^[0-9a-f]{32}$/;

export interface Peers extends Disposable {
  /** Asks all peers at once, and waits a moment for their answers. Never throws. */
  ask(question: { readonly seq: number }): Promise<readonly PeerAnswer[]>;
}

/**
 * Answers what peers ask in the account of the nodes, and asks them: `expected` of them, or as many as
 * answer in time. `name` is this node's.
 */
export function openPeers(options: {
  readonly connection: NatsConnection;
  readonly name: string;
  readonly expected: number;
  readonly answer: (question: { readonly seq: number }) => Omit<PeerAnswer, "name">;
}): Peers {
  const { connection, name } = options;
  const answering = connection.subscribe(SUBJECT, {
    callback: (error, message) => {
      if (error) return;
      const question = parseQuestion(message.string());
      if (!question || question.name === name) return;
      message.respond(JSON.stringify({ name, ...options.answer(question) }));
    },
  });
  return {
    async ask({ seq }) {
      const answers = new Map<string, PeerAnswer>();
      if (options.expected === 0) return [];
      try {
        const messages = await connection.requestMany(SUBJECT, JSON.stringify({ name, seq }), {
          strategy: "count",
          maxMessages: options.expected,
          maxWait: JOURNAL_PEERS_WAIT_MS,
        });
        for await (const message of messages) {
          const answer = parseAnswer(message.string());
          if (answer && answer.name !== name) answers.set(answer.name, answer);
        }
      } catch {
        // Without a connection nobody answers.
      }
      return [...answers.values()];
    },
    [Symbol.dispose]: () => answering.unsubscribe(),
  };
}

function parseQuestion(text: string): { readonly name: string; readonly seq: number } | null {
  const { name, seq } = parseObject(text);
  return typeof name === "string" && isNumber(seq) ? { name, seq } : null;
}

function parseAnswer(text: string): PeerAnswer | null {
  const { name, bus, chain, full: isFull } = parseObject(text);
  const full = isFull === true;
  if (typeof name !== "string") return null;
  if (chain !== null && !isHex(chain, HEX_32_BYTES)) return null;
  if (bus === null) return { name, bus, chain, full };
  const { busId, generation, lastSeq } = objectOf(bus);
  if (!isHex(busId, HEX_16_BYTES) || !isHex(generation, HEX_16_BYTES) || !isNumber(lastSeq)) {
    return null;
  }
  return { name, bus: { busId, generation, lastSeq }, chain, full };
}

function isHex(value: unknown, form: RegExp): value is string {
  return typeof value === "string" && form.test(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
