import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Health } from "../../src/contract/health.ts";
import type { ProblemBody } from "../../src/contract/problems.ts";
import { createSigner, type Signer } from "./signer.ts";
import type { RunningUnibus } from "./unibus.ts";

/** What a node answered. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The code of the problem; "" where the answer is none. */
  readonly code: string;
  /** The status, and the code of a problem: `200`, `403 forbidden`. */
  readonly told: string;
}

export interface Asked {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request as it goes out; sent twice, it is the same to the byte. */
export interface Prepared {
  readonly url: string;
  readonly init: RequestInit & { readonly unix?: string; readonly tls?: { readonly ca: string } };
}

/** Somebody who asks a node. */
export interface Caller {
  prepare(method: string, path: string, asked?: Asked): Prepared;
  ask(method: string, path: string, asked?: Asked): Promise<Answered>;
  /** Asks, demands a success, and returns its JSON, whose shape the caller names. */
  get<T>(method: string, path: string, body?: unknown): Promise<T>;
}

/** A caller who signs with a key. */
export type SigningCaller = Caller & { readonly user: string; readonly signer: Signer };

/** Ways to ask one node. */
export interface Callers {
  readonly busId: string;
  readonly operator: Caller;
  readonly unsigned: Caller;
  signing(signer?: Signer): SigningCaller;
  bearing(token: string): Caller;
}

/** Finds out what callers of a node need to know of it. `url` is another way to its API. */
export async function openCallers(
  unibus: RunningUnibus,
  { url = unibus.httpUrl, ca }: { readonly url?: string; readonly ca?: string } = {},
): Promise<Callers> {
  const { bus: busId } = await unibus.ask<Health>("GET", "/healthz");
  const tls = ca === undefined ? {} : { tls: { ca: readFileSync(ca, "utf8") } };
  const overTcp = (proofOf: ProofOf) => createCaller({ url, init: tls, proofOf });
  const unix = join(unibus.dataDir, "unibus.sock");
  return {
    busId,
    operator: createCaller({ url: "http://localhost", init: { unix }, proofOf: () => ({}) }),
    unsigned: overTcp(() => ({})),
    signing: (signer = createSigner(busId)) => ({
      ...overTcp(signer.sign),
      user: signer.key.user,
      signer,
    }),
    bearing: (token) => overTcp(() => ({ authorization: `Bearer ${token}` })),
  };
}

type ProofOf = Signer["sign"] | (() => Record<string, string>);

function createCaller(way: {
  readonly url: string;
  readonly init: Prepared["init"];
  readonly proofOf: ProofOf;
}): Caller {
  function prepare(method: string, path: string, asked: Asked = {}): Prepared {
    const url = `${way.url}${path}`;
    const body = asked.body === undefined ? null : JSON.stringify(asked.body);
    const headers = {
      ...(body === null ? {} : { "content-type": "application/json" }),
      ...asked.headers,
    };
    const proof = way.proofOf({ method, url, body, headers });
    const init = { ...way.init, method, headers: { ...headers, ...proof }, body };
    return { url, init };
  }
  const ask: Caller["ask"] = (method, path, asked) => send(prepare(method, path, asked));
  return {
    prepare,
    ask,
    async get<T>(method: string, path: string, body?: unknown) {
      const { status, text } = await ask(method, path, { body });
      if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
      // The caller names the shape of the route that it asks.
      return (text === "" ? null : JSON.parse(text)) as T;
    },
  };
}

export async function send({ url, init }: Prepared): Promise<Answered> {
  const response = await fetch(url, { ...init, redirect: "manual" });
  const { status, headers } = response;
  const text = await response.text();
  const isProblem = headers.get("content-type") === "application/problem+json";
  const code = isProblem ? codeOf(text) : "";
  return { status, headers, text, code, told: code === "" ? `${status}` : `${status} ${code}` };
}

function codeOf(text: string): string {
  const { code }: ProblemBody = JSON.parse(text);
  return code;
}
