import { createHash } from "node:crypto";
import { joinBytes } from "../core/bytes.ts";
import {
  JSON_BODY_BYTES_MAX,
  JSON_DEPTH_MAX,
  REFUSED_BODY_BYTES_MAX,
  REFUSED_BODY_WAIT_MS,
} from "../core/limits.ts";
import { Problem } from "../core/problems.ts";

const JSON_TYPE = /^application\/json(?: *; *charset="?utf-8"?)?$/i;

/** Methods that change something, all of which take JSON or nothing. */
export function isMutation(method: string): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS" && method !== "TRACE";
}

/** Says whether a request announces a body. In-process requests have one without a length. */
export function hasBody(request: Request): boolean {
  return request.body !== null && request.headers.get("content-length") !== "0";
}

/**
 * Refuses a body that is no plain JSON by its headers: forms are what a foreign web page can send
 * without asking. A mutation without a body may not name another type either.
 */
export function refuseMediaType(request: Request): void {
  if (!isMutation(request.method)) return;
  const type = request.headers.get("content-type");
  const right = type === null ? !hasBody(request) : JSON_TYPE.test(type.trim());
  if (!right || request.headers.has("content-encoding")) {
    throw new Problem(
      "media-type",
      "Cannot read the body: it has to be application/json in UTF-8, without a content encoding",
    );
  }
}

/** The body of a mutation. */
export interface JsonBody {
  /** What it says: an object. */
  readonly value: object;
  /** As it came; "" where there was none. */
  readonly text: string;
  /** Tells a repeated request from another one. */
  readonly digest: string;
}

/**
 * Reads the body of a mutation: an object of JSON, `{}` when there is no body. `signedDigest` is the
 * `content-digest` that a signature vouches for, or null.
 * Throws "request-too-large", "digest-wrong", "request-malformed" or "request-invalid".
 */
export async function readJsonBody(
  request: Request,
  { signedDigest }: { readonly signedDigest: string | null },
): Promise<JsonBody> {
  const bytes = await readBytes(request);
  if (signedDigest !== null) checkDigest(bytes, signedDigest);
  const { pathname, search } = new URL(request.url);
  const digest = createHash("sha256")
    .update(`${request.method} ${pathname}${search}\n`)
    .update(bytes)
    .digest("hex");
  const { text, value } = bytes.length === 0 ? NO_JSON : parseJson(bytes);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { value, text, digest };
  }
  throw new Problem("request-invalid", "Cannot read the body: it has to be an object");
}

const NO_JSON = { text: "", value: {} };

async function readBytes(request: Request): Promise<Uint8Array> {
  const { body } = request;
  if (!body) return new Uint8Array();
  const announced = Number(request.headers.get("content-length") ?? 0);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  let deadline: ReturnType<typeof setTimeout> | null = null;
  const isTooLarge = () => Math.max(announced, sizeBytes) > JSON_BODY_BYTES_MAX;
  try {
    while (sizeBytes <= REFUSED_BODY_BYTES_MAX) {
      // What comes behind a refusal is thrown away for a moment: an answer to a client that is still
      // sending is lost with the connection.
      if (isTooLarge()) deadline ??= setTimeout(cancel, REFUSED_BODY_WAIT_MS);
      const { done, value } = await reader.read().catch(bodyCutOff);
      if (done) break;
      sizeBytes += value.length;
      if (!isTooLarge()) chunks.push(value);
    }
  } finally {
    if (deadline !== null) clearTimeout(deadline);
    // What still comes in would be kept until the collector finds it: a gigabyte of a thousand bodies.
    cancel();
  }
  if (isTooLarge()) {
    throw new Problem(
      "request-too-large",
      `Cannot read the body: it may have at most ${JSON_BODY_BYTES_MAX} bytes`,
    );
  }
  return joinBytes(chunks);
}

function bodyCutOff(cause: unknown): never {
  throw new Problem(
    "request-malformed",
    "Cannot read the body: the connection ended before all of it came",
    { cause },
  );
}

/** Refuses a body that is not the signed one. Source: RFC 9530, section 2. */
function checkDigest(bytes: Uint8Array, signedDigest: string): void {
  const digest = createHash("sha256").update(bytes).digest("base64");
  if (signedDigest === `sha-256=:${digest}:`) return;
  throw new Problem(
    "digest-wrong",
    "Cannot accept the body: content-digest has to be its sha-256 and nothing else",
  );
}

function parseJson(bytes: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (depthOf(text) <= JSON_DEPTH_MAX) return { text, value: JSON.parse(text) };
  } catch {
    // The parser's words repeat what was sent.
    throw new Problem("request-malformed", "Cannot read the body: it is no JSON in UTF-8");
  }
  throw new Problem(
    "request-malformed",
    `Cannot read the body: its JSON is nested deeper than ${JSON_DEPTH_MAX}`,
  );
}

/**
 * How deep brackets are nested, those in strings left out; right for all JSON that parses. Each
 * character is looked at once: an expression for strings looks at the rest again for each quote.
 */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (inString && char === "\\") at++;
    else if (char === '"') inString = !inString;
    else if (inString) continue;
    else if (char === "[" || char === "{") deepest = Math.max(deepest, ++depth);
    else if (char === "]" || char === "}") depth--;
  }
  return deepest;
}
