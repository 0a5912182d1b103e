import { createHash } from "node:crypto";
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

/**
 * Reads the body of a mutation: an object of JSON, `{}` when there is no body.
 * Returns it with the digest that tells a repeated request from another one.
 * Throws "request-too-large", "request-malformed" or "request-invalid".
 */
export async function readJsonBody(
  request: Request,
): Promise<{ readonly body: object; readonly digest: string }> {
  const bytes = await readBytes(request);
  const { pathname, search } = new URL(request.url);
  const digest = createHash("sha256")
    .update(`${request.method} ${pathname}${search}\n`)
    .update(bytes)
    .digest("hex");
  const body = bytes.length === 0 ? {} : parseJson(bytes);
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return { body, digest };
  throw new Problem("request-invalid", "Cannot read the body: it has to be an object");
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const { body } = request;
  if (!body) return new Uint8Array();
  const announced = Number(request.headers.get("content-length") ?? 0);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const reader = body.getReader();
  let deadline: Promise<{ readonly done: true; readonly value?: undefined }> | null = null;
  for (;;) {
    const tooLarge = Math.max(announced, sizeBytes) > JSON_BODY_BYTES_MAX;
    // What comes behind a refusal is thrown away for a moment: an answer to a client that is still
    // sending is lost with the connection.
    if (tooLarge) deadline ??= afterwards(REFUSED_BODY_WAIT_MS);
    const { done, value } = await Promise.race([
      reader.read().catch(bodyCutOff),
      ...(deadline ? [deadline] : []),
    ]);
    if (value) sizeBytes += value.length;
    if (value && !tooLarge) chunks.push(value);
    if (done || sizeBytes > REFUSED_BODY_BYTES_MAX) break;
  }
  if (Math.max(announced, sizeBytes) > JSON_BODY_BYTES_MAX) {
    throw new Problem(
      "request-too-large",
      `Cannot read the body: it may have at most ${JSON_BODY_BYTES_MAX} bytes`,
    );
  }
  return concat(chunks, sizeBytes);
}

function bodyCutOff(cause: unknown): never {
  throw new Problem(
    "request-malformed",
    "Cannot read the body: the connection ended before all of it came",
    { cause },
  );
}

function concat(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (depthOf(text) <= JSON_DEPTH_MAX) return JSON.parse(text);
  } catch {
    // The parser's words repeat what was sent.
    throw new Problem("request-malformed", "Cannot read the body: it is no JSON in UTF-8");
  }
  throw new Problem(
    "request-malformed",
    `Cannot read the body: its JSON is nested deeper than ${JSON_DEPTH_MAX}`,
  );
}

/** How deep brackets are nested, those in strings left out; right for all JSON that parses. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[{]|[\]}]/gs)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function afterwards(ms: number): Promise<{ readonly done: true; readonly value?: undefined }> {
  return new Promise((resolve) => setTimeout(() => resolve({ done: true }), ms));
}
