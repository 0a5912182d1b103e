import { createHash } from "node:crypto";
import type { NodeTokenId } from "../core/ids.ts";
import {
  NODE_JOIN_SILENCE_MS,
  NODE_JOIN_WAIT_MS,
  NODE_REQUESTS_MAX,
  NODE_TOKENS_OPEN_MAX,
} from "../core/limits.ts";
import { Problem } from "../core/problems.ts";

/** A request of a machine that wants to be a node, as it came: the node cannot read it. */
export interface Waiting {
  /** Its digest. */
  readonly request: string;
  readonly sealed: string;
}

/** Where new nodes and the commands that let them in leave what they say to each other. */
export interface NodeMailbox {
  /** Opens the place of a token. Throws "node-tokens-full". */
  open(token: NodeTokenId, expiresAt: number): void;
  close(token: NodeTokenId): void;
  /**
   * The requests without an answer, waiting a moment for the first; to ask shows that somebody is there
   * to answer.
   */
  collect(token: NodeTokenId): Promise<readonly Waiting[]>;
  /** Leaves the answer to a request, or throws the request away. */
  answer(token: NodeTokenId, request: string, sealed: string | null): void;
  /**
   * Leaves a request and answers its answer, null while there is none. The answer to a request that was
   * answered is there for it alone until the token expires.
   * Throws "node-token-unattended", or "node-busy" when too many requests wait.
   */
  ask(token: NodeTokenId, sealed: string): string | null;
  /** Whether this request has been answered. */
  isAnswered(token: NodeTokenId, sealed: string): boolean;
}

interface Place {
  readonly expiresAt: number;
  readonly requests: Map<string, { readonly sealed: string; answer: string | null }>;
  collectedAt: number;
  /** Wakes who waits for a request. */
  wake: () => void;
}

/** Makes the mailbox of a node. It is in memory only: who waits at a token asks this node. */
export function createNodeMailbox({ now }: { readonly now: () => number }): NodeMailbox {
  const places = new Map<NodeTokenId, Place>();

  function forgetExpired(): void {
    for (const [token, { expiresAt }] of places) if (expiresAt <= now()) places.delete(token);
  }

  return {
    open(token, expiresAt) {
      forgetExpired();
      if (places.size >= NODE_TOKENS_OPEN_MAX) {
        throw new Problem("node-tokens-full", "Cannot wait for the node: too many are waited for");
      }
      places.set(token, { expiresAt, requests: new Map(), collectedAt: now(), wake: () => {} });
    },
    close(token) {
      places.get(token)?.wake();
      places.delete(token);
    },
    async collect(token) {
      const place = places.get(token);
      if (!place) return [];
      place.collectedAt = now();
      if (unanswered(place).length === 0) await arrival(place);
      return unanswered(place);
    },
    answer(token, request, sealed) {
      const requests = places.get(token)?.requests;
      const waiting = requests?.get(request);
      if (!waiting) return;
      if (sealed === null) requests?.delete(request);
      else waiting.answer = sealed;
    },
    isAnswered(token, sealed) {
      return (places.get(token)?.requests.get(digestOf(sealed))?.answer ?? null) !== null;
    },
    ask(token, sealed) {
      forgetExpired();
      const place = places.get(token);
      const request = digestOf(sealed);
      const known = place?.requests.get(request);
      if (known?.answer) return known.answer;
      if (!place || now() - place.collectedAt > NODE_JOIN_SILENCE_MS) throw unattended();
      if (known) return null;
      if (place.requests.size >= NODE_REQUESTS_MAX) {
        throw new Problem("node-busy", "Cannot join now: too many requests wait at this token");
      }
      place.requests.set(request, { sealed, answer: null });
      place.wake();
      return null;
    },
  };
}

function unanswered({ requests }: Place): readonly Waiting[] {
  return [...requests]
    .filter(([, { answer }]) => answer === null)
    .map(([request, { sealed }]) => ({ request, sealed }));
}

/** Resolves with the next request, or after a moment. */
function arrival(place: Place): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, NODE_JOIN_WAIT_MS);
  place.wake = () => {
    clearTimeout(timer);
    resolve();
  };
  return promise;
}

function unattended(): Problem {
  return new Problem(
    "node-token-unattended",
    "Cannot join: nobody waits at this token here, unibus node token has to run until the node has joined",
  );
}

function digestOf(sealed: string): string {
  return createHash("sha256").update(sealed).digest("hex");
}
