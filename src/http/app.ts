import { Elysia } from "elysia";
import { Problem } from "../core/problems.ts";
import { authenticate, type Identity } from "./authenticate.ts";
import { readJsonBody } from "./body.ts";
import { callOf, openCall } from "./call.ts";
import { operationIdOf } from "./change.ts";
import { checkDoor, readIdempotencyKey } from "./door.ts";
import { health, OPEN_PATHS } from "./health.ts";
import { members } from "./members.ts";
import { operate } from "./operate.ts";
import type { AppParts, Caller } from "./parts.ts";
import { problemOf, problemResponse } from "./problem.ts";
import { logAnswer } from "./request-log.ts";
import { rooms } from "./rooms.ts";
import { type RouteTable, routeTable } from "./route-table.ts";
import { users } from "./users.ts";

export interface App {
  /** Answers a request; never throws. */
  fetch(request: Request, from: Caller): Promise<Response>;
}

/**
 * Makes the API. A request goes through one door (host, origin, content type), is authenticated, and
 * only then routed; its body is read last.
 */
export function createApp(parts: AppParts): App {
  // `normalize: false`: Elysia drops unknown members otherwise. The problems come first: an `onError`
  // behind the routes is not theirs.
  const api = new Elysia({ normalize: false, strictPath: true })
    .onError({ as: "global" }, ({ error }) => refuse(problemOf(error)))
    .onParse({ as: "global" }, async ({ request }) => {
      const { body, digest } = await readJsonBody(request);
      callOf(request).requestDigest = digest;
      return body;
    })
    .use(health(parts))
    .use(operate(parts))
    .use(users(parts))
    .use(rooms(parts))
    .use(members(parts))
    .compile();
  const routes = routeTable(api.routes);
  return {
    fetch: (request, from) =>
      answer({ ...parts, routes, route: (one) => api.fetch(one) }, request, from),
  };
}

/** Carries a problem out of Elysia: its response would lose what only the log may tell. */
const refused = new WeakMap<Response, Problem>();

function refuse(problem: Problem): Response {
  const response = problemResponse(problem);
  refused.set(response, problem);
  return response;
}

interface Answerer extends AppParts {
  readonly routes: RouteTable;
  readonly route: (request: Request) => Response | Promise<Response>;
}

async function answer(parts: Answerer, request: Request, from: Caller): Promise<Response> {
  const startedAt = parts.now();
  const seen: Seen = { pattern: null, wouldRefuse: null };
  let response: Response;
  try {
    response = await admit(parts, request, from, seen);
  } catch (error) {
    response = refuse(problemOf(error));
  }
  response.headers.set("cache-control", "no-store");
  response.headers.set("x-content-type-options", "nosniff");
  const problem = refused.get(response) ?? null;
  // What is still coming in belongs to a request that is answered: it would be swallowed for ever.
  const unread = request.body !== null && !request.bodyUsed;
  if (unread || problem?.code === "request-too-large") response.headers.set("connection", "close");
  const { method } = request;
  const { status } = response;
  logAnswer(parts.log, { method, from, status, problem, ms: parts.now() - startedAt, ...seen });
  return response;
}

/** What the log tells of a request, as far as the request came. */
interface Seen {
  pattern: string | null;
  wouldRefuse: Identity["wouldRefuse"];
}

async function admit(
  parts: Answerer,
  request: Request,
  from: Caller,
  seen: Seen,
): Promise<Response> {
  checkDoor(request, from, parts.ownHosts());
  const { pathname } = new URL(request.url);
  const route = parts.routes.find(pathname);
  seen.pattern = route?.pattern ?? null;
  const identity = OPEN_PATHS.has(pathname)
    ? nobody
    : authenticateCounted(parts, request, from, seen);
  if (route && !route.methods.includes(request.method)) return methodNotAllowed(route.methods);
  const idempotencyKey = readIdempotencyKey(request);
  const { actor, evidence } = identity;
  const routed = withRoutableUrl(request);
  openCall(routed, {
    actor,
    evidence,
    idempotencyKey,
    operationId:
      idempotencyKey === null ? parts.newOperationId() : operationIdOf(actor, idempotencyKey),
    requestDigest: "",
  });
  return parts.route(routed);
}

const nobody: Identity = {
  actor: { kind: "anonymous" },
  evidence: { kind: "none" },
  wouldRefuse: null,
};

function authenticateCounted(
  parts: Answerer,
  request: Request,
  from: Caller,
  seen: Seen,
): Identity {
  const count = (admitted: boolean) =>
    parts.countRefusal({
      at: parts.now(),
      kind: "request",
      reason: "unsigned",
      address: from.kind === "tcp" ? from.address : "",
      user: "",
      subject: `${request.method} ${seen.pattern ?? "(no route)"}`,
      admitted,
    });
  try {
    const identity = authenticate(from, parts);
    seen.wouldRefuse = identity.wouldRefuse;
    if (identity.wouldRefuse) count(true);
    return identity;
  } catch (error) {
    count(false);
    throw error;
  }
}

function methodNotAllowed(methods: readonly string[]): Response {
  const allow = methods.join(", ");
  const response = refuse(
    new Problem("method-not-allowed", `Cannot answer: this route has ${allow} only`),
  );
  response.headers.set("allow", allow);
  return response;
}

/** Elysia looks for the path from the 11th character on, and would take `http://x/zz/admin` for `/admin`. */
function withRoutableUrl(request: Request): Request {
  const url = new URL(request.url);
  if (url.host.length >= 4) return request;
  return new Request(`http://localhost${url.pathname}${url.search}`, request);
}
