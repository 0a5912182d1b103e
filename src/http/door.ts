import { IDEMPOTENCY_KEY_CHARS_MAX, QUERY_CHARS_MAX } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { isMutation, refuseMediaType } from "./body.ts";
import type { Caller } from "./parts.ts";

/** Pages for people, that hold no data and do nothing: a link of another site may lead to them. */
const PAGES: ReadonlySet<string> = new Set(["/", "/swagger"]);

// Printable, no space: two headers of one name arrive joined by ", " and are refused by it.
const IDEMPOTENCY_KEY = new RegExp(`^[!-~]{1,${IDEMPOTENCY_KEY_CHARS_MAX}}$`);

/**
 * Refuses what no client of ours sends, before anybody asks who it is: a Host that is not this
 * node's (a page of another site may have made its name point here), a foreign page's origin, and
 * content types that such a page could send without asking. Returns what the request asks for.
 * Throws "host-unknown", "origin-foreign", "request-malformed" or "media-type".
 */
export function checkDoor(request: Request, from: Caller, ownHosts: readonly string[]): URL {
  if (from.kind === "tcp") refuseForeignHost(request.headers, ownHosts);
  const url = URL.parse(request.url);
  // The target of CONNECT is a host and a port, which reads like a URL of some scheme.
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new Problem("request-malformed", "Cannot read the request: its target is no path");
  }
  if (from.kind === "tcp" && !isLinkToPage(request, url)) {
    refuseForeignOrigin(request.headers, ownHosts);
  }
  refuseRepeatedLength(request.headers);
  refuseMediaType(request);
  return url;
}

/** Reads the caller's Idempotency-Key, or null. Throws "request-malformed" when it cannot be one. */
export function readIdempotencyKey(request: Request): string | null {
  const key = request.headers.get("idempotency-key");
  if (key === null || !isMutation(request.method)) return null;
  if (IDEMPOTENCY_KEY.test(key)) return key;
  throw new Problem(
    "request-malformed",
    `Cannot read the Idempotency-Key: it has to be 1 to ${IDEMPOTENCY_KEY_CHARS_MAX} printable characters without spaces`,
  );
}

function refuseForeignHost(headers: Headers, ownHosts: readonly string[]): void {
  // Two Host headers arrive joined by ", " and match nothing.
  const host = headers.get("host")?.toLowerCase();
  if (host === undefined || !ownHosts.includes(host)) {
    throw new Problem(
      "host-unknown",
      "Cannot answer under this Host: it is none of this node's names, add it with --public-url",
    );
  }
}

/** Says whether somebody follows a link to a page of ours: the page is all that the window shows. */
function isLinkToPage({ method, headers }: Request, { pathname }: URL): boolean {
  return (
    method === "GET" &&
    PAGES.has(pathname) &&
    !headers.has("origin") &&
    headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document"
  );
}

function refuseForeignOrigin(headers: Headers, ownHosts: readonly string[]): void {
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  const ownOrigin = origin === null || isOwnOrigin(origin, ownHosts);
  const ownSite = site === null || site === "same-origin" || site === "none";
  if (ownOrigin && ownSite) return;
  throw new Problem(
    "origin-foreign",
    "Cannot answer: the request comes from a web page of another origin",
  );
}

function isOwnOrigin(origin: string, ownHosts: readonly string[]): boolean {
  if (!/^https?:\/\//i.test(origin) || !URL.canParse(origin)) return false;
  return ownHosts.includes(new URL(origin).host);
}

/** Bun takes two lengths that are equal, and hands them on joined by ", ", which is no number. */
function refuseRepeatedLength(headers: Headers): void {
  if (/^[0-9]+$/.test(headers.get("content-length") ?? "0")) return;
  throw new Problem("request-malformed", "Cannot read the request: it has more than one length");
}

/**
 * Refuses a query that is too long, or has a name twice. Taking one apart is the dearest of what a
 * stranger's headers ask for: call it when the request is taken off its address. Throws "request-malformed".
 */
export function refuseOddQuery({ search, searchParams }: URL): void {
  if (search === "") return;
  if (search.length > QUERY_CHARS_MAX) {
    throw new Problem(
      "request-malformed",
      `Cannot read the query: it may have at most ${QUERY_CHARS_MAX} characters`,
    );
  }
  const names = [...searchParams.keys()];
  if (new Set(names).size !== names.length) {
    throw new Problem("request-malformed", "Cannot read the query: it has a name more than once");
  }
}
