import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { NatsConnection } from "@nats-io/transport-node";
import { JOURNAL_PEERS_WAIT_MS, NODES_MAX } from "../core/limits.ts";
import { parseRollAnswer, type RollAnswer } from "../core/route-roll.ts";

const SUBJECT = "peers.roll";
const NONCE = /^[0-9a-f]{32}$/;
const PROOF = /^([0-9a-f]{64}) (.+)$/s;

/** What others answered. */
export interface RollAnswers {
  /** By those who know the new secret. */
  readonly answers: readonly RollAnswer[];
  /** Names that somebody gave who does not: nodes that were handed nothing, or one that is left out. */
  readonly unproven: readonly string[];
}

export interface RollPeers extends Disposable {
  /**
   * Asks all nodes where they are in their roll, and waits for those that are named to prove themselves by
   * the new secret. Never throws.
   */
  ask(expected: readonly string[], secret: string): Promise<RollAnswers>;
}

/**
 * Answers other nodes in their account where this one is in a roll, and asks them. An answer is proved
 * by the new secret, which nobody sends: a node that is left out is still inside, and could hold up the
 * roll that puts it out, or drive another one too far, in the name of others.
 */
export function openRollPeers(options: {
  readonly connection: NatsConnection;
  /** Null where there is nothing to tell. */
  readonly answer: () => { readonly said: RollAnswer; readonly secret: string } | null;
}): RollPeers {
  const { connection } = options;
  const answering = connection.subscribe(SUBJECT, {
    callback: (error, message) => {
      const nonce = message.string();
      const answer = error || !NONCE.test(nonce) ? null : options.answer();
      if (!answer) return;
      const said = JSON.stringify(answer.said);
      message.respond(`${proofOf(answer.secret, nonce, said)} ${said}`);
    },
  });
  return {
    async ask(expected, secret) {
      const answers: RollAnswer[] = [];
      const unproven = new Set<string>();
      const missing = new Set(expected);
      const nonce = randomBytes(16).toHex();
      try {
        const messages = await connection.requestMany(SUBJECT, nonce, {
          strategy: "timer",
          maxWait: JOURNAL_PEERS_WAIT_MS,
        });
        for await (const message of messages) {
          const [, proof = "", said = ""] = PROOF.exec(message.string()) ?? [];
          const answer = parseRollAnswer(said);
          if (!answer) continue;
          if (!isEqual(proof, proofOf(secret, nonce, said))) {
            if (unproven.size < NODES_MAX) unproven.add(answer.name);
            continue;
          }
          answers.push(answer);
          missing.delete(answer.name);
          if (missing.size === 0) break;
        }
      } catch {
        // Without a connection nobody answers.
      }
      return { answers, unproven: [...unproven] };
    },
    [Symbol.dispose]: () => answering.unsubscribe(),
  };
}

function proofOf(secret: string, nonce: string, said: string): string {
  return createHmac("sha256", secret).update(`unibus roll\n${nonce}\n${said}`).digest("hex");
}

function isEqual(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
