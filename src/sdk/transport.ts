import { ANSWER_BYTES_MAX, CLOCK_CORRECTION_MS_MAX } from "../core/limits.ts";
import { PROBLEMS, Problem, type ProblemCode } from "../core/problems.ts";
import type { Identity } from "./identity.ts";

export interface TransportOptions {
  /** Sends one request: the global `fetch`, or one bound to a socket or to a certificate authority. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Where the API is, e.g. `https://bus.example.org`. */
  readonly baseUrl: string;
  /** What errors call the node; its URL if nothing is said. */
  readonly name?: string;
  /** Signs every request with the API key of a user. */
  readonly identity?: Pick<Identity, "signRequest">;
  /** Id of the bus that requests are signed for; without it the node itself is asked, once. */
  readonly busId?: string;
  /** A bearer token, where there is no key. */
  readonly token?: string;
  /** Milliseconds since the epoch; `Date.now` if nothing is said. */
  readonly now?: () => number;
}

/** One request of the API. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: object | undefined;
  readonly idempotencyKey?: string | undefined;
  /** The version that must still be there. */
  readonly ifMatch?: string | undefined;
  /** Whether it is asked as nobody: what everybody may know needs no proof of who asks. */
  readonly open?: boolean;
}

export interface Answered {
  /** The parsed answer; undefined for one without content. */
  readonly value: unknown;
  /** The version of what was answered, without its quotes; null if none was told. */
  readonly version: string | null;
}

/** Sends a request and answers what came back. Throws the `Problem` that the node answers. */
export type Send = (request: ApiRequest) => Promise<Answered>;

/** Problems that a signature made at another moment does not have. */
const SIGN_ANEW: ReadonlySet<ProblemCode> = new Set([
  "signature-expired",
  "signature-future",
  "signature-before-start",
  // Whatever carries our requests sent one twice, and only the other answer would have told more.
  "signature-repeated",
]);

/**
 * Makes the way to a node: it signs each request, and a refused one once more where a new signature
 * helps, by the node's clock if ours is off. What it sends twice carries the same Idempotency-Key.
 * Redirects are never followed: what was signed is for this node alone.
 */
export function createTransport(options: TransportOptions): Send {
  const { baseUrl, name = baseUrl, now = Date.now } = options;
  const clock = { aheadMs: 0 };
  let asked: Promise<string> | null = null;

  async function busId(): Promise<string> {
    if (options.busId !== undefined) return options.busId;
    asked ??= askBusId(send, name);
    try {
      return await asked;
    } catch (error) {
      asked = null;
      throw error;
    }
  }

  async function proofOf(request: Unsigned, open: boolean): Promise<Record<string, string>> {
    const { identity, token } = options;
    if (open) return {};
    if (identity) {
      const at = { busId: await busId(), now: now() + clock.aheadMs };
      return identity.signRequest({ ...request, ...at });
    }
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  async function exchange(request: ApiRequest): Promise<Exchanged> {
    const unsigned = unsignedOf(baseUrl, request);
    const { method, url, body, headers } = unsigned;
    const proof = await proofOf(unsigned, request.open === true);
    const init: RequestInit = {
      method,
      redirect: "manual",
      headers: {
        accept: "application/json",
        ...(body === null ? {} : { "content-type": "application/json" }),
        ...headers,
        ...proof,
      },
      ...(body === null ? {} : { body }),
    };
    const response = await reach(name, () => options.fetch(url, init));
    const text = await reach(name, () => readText(name, response));
    return { response, text, problem: problemOf(name, response, text) };
  }

  async function send(request: ApiRequest): Promise<Answered> {
    let { response, text, problem } = await exchange(request);
    // What was done as somebody else is not done again.
    const refused = response.status >= 400 && response.status < 500;
    const mayRepeat = refused || request.method === "GET";
    if (problem && mayRepeat && options.identity && SIGN_ANEW.has(problem.code)) {
      const aheadMs = clock.aheadMs + skewOf(response, now() + clock.aheadMs);
      if (Math.abs(aheadMs) > CLOCK_CORRECTION_MS_MAX) throw problem;
      clock.aheadMs = aheadMs;
      ({ response, text, problem } = await exchange(request));
    }
    if (problem) throw problem;
    return { value: text === "" ? undefined : readJson(name, text), version: versionOf(response) };
  }
  return send;
}

/** What is signed of a request. */
interface Unsigned {
  readonly method: string;
  readonly url: string;
  readonly body: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

interface Exchanged {
  readonly response: Response;
  readonly text: string;
  /** What the node answered instead of success. */
  readonly problem: Problem | null;
}

function unsignedOf(baseUrl: string, request: ApiRequest): Unsigned {
  const { method, path, body, idempotencyKey, ifMatch } = request;
  return {
    method,
    url: new URL(path, baseUrl).href,
    body: body === undefined ? null : JSON.stringify(body),
    headers: {
      ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
      ...(ifMatch === undefined ? {} : { "if-match": `"${ifMatch}"` }),
    },
  };
}

async function askBusId(send: Send, name: string): Promise<string> {
  const { value } = await send({ method: "GET", path: "/healthz", open: true });
  const known = typeof value === "object" && value !== null && "bus" in value ? value.bus : null;
  if (typeof known === "string") return known;
  throw new Problem("node-unreachable", `Cannot use ${name}: it does not tell which bus it is of`);
}

/** How far the node's clock is ahead of the time that a refused request was signed at, in ms. */
function skewOf({ headers }: Response, signedAt: number): number {
  const told = headers.get("unibus-skew-ms");
  if (told !== null && /^-?[0-9]{1,15}$/.test(told)) return Number(told);
  const date = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(date) ? 0 : date - signedAt;
}

function versionOf({ headers }: Response): string | null {
  return /^"([A-Za-z0-9_-]{1,128})"$/.exec(headers.get("etag") ?? "")?.[1] ?? null;
}

/** Names the cause of a failed connection, whose own words are about sockets. */
async function reach<T>(name: string, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem("node-unreachable", `Cannot reach ${name}: it does not answer`, { cause });
  }
}

/** Reads an answer up to a bound: what is at the other end may be no node at all. */
async function readText(name: string, { body }: Response): Promise<string> {
  if (!body) return "";
  const decoder = new TextDecoder();
  let text = "";
  let sizeBytes = 0;
  for (const reader = body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    sizeBytes += value.length;
    if (sizeBytes > ANSWER_BYTES_MAX) {
      await reader.cancel();
      const detail = `Cannot use the answer of ${name}: it has more than ${ANSWER_BYTES_MAX} bytes`;
      throw new Problem("node-unreachable", detail);
    }
    text += decoder.decode(value, { stream: true });
  }
}

function problemOf(name: string, response: Response, text: string): Problem | null {
  const ignored = response.headers.get("unibus-would-refuse");
  if (isProblemCode(ignored)) {
    return new Problem(
      ignored,
      `Cannot act as this user: the node does not accept the key or token (${PROBLEMS[ignored].title.toLowerCase()}), and as it does not enforce, it answered as it answers anybody`,
    );
  }
  return response.ok ? null : readProblem(name, response.status, text);
}

function readProblem(name: string, status: number, text: string): Problem {
  const body = readJson(name, text, status);
  if (typeof body === "object" && body !== null && "code" in body && "detail" in body) {
    const { code, detail } = body;
    if (isProblemCode(code) && typeof detail === "string") return new Problem(code, detail);
  }
  return notOurs(name, status);
}

function readJson(name: string, text: string, status = 200): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notOurs(name, status, { cause });
  }
}

function notOurs(name: string, status: number, options?: ErrorOptions): Problem {
  const detail = `Cannot use the answer of ${name}: status ${status} without a problem of unibus`;
  return new Problem("node-unreachable", detail, options);
}

function isProblemCode(code: unknown): code is ProblemCode {
  return typeof code === "string" && Object.hasOwn(PROBLEMS, code);
}
