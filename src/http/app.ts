import { Elysia } from "elysia";
import { PROBLEMS, Problem } from "../core/problems.ts";
import { authenticate, type Identity } from "./authenticate.ts";
import { isMutation, readJsonBody } from "./body.ts";
import { type Call, callOf, openCall } from "./call.ts";
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
  // `normalize: false`: Elysia drops unknown members otherwise. `aot: false`: it would make code from
  // strings, which the executable refuses (docs/decisions/0014). The problems come first: an `onError`
  // behind the routes is not theirs.
  const api = new Elysia({ normalize: false, strictPath: true, aot: false })
    .onError({ as: "global" }, ({ error, request }) => {
      const problem = problemOf(error);
      callOf(request).problem = problem;
      return problemResponse(problem);
    })
    .onParse({ as: "global" }, ({ request }) => callOf(request).body)
    .use(health(parts))
    .use(operate(parts))
    .use(users(parts))
    .use(rooms(parts))
    .use(members(parts));
  const answerer: Answerer = {
    ...parts,
    routes: routeTable(api.routes),
    route: (request) => api.fetch(request),
  };
  return { fetch: (request, from) => answer(answerer, request, from) };
}

interface Answerer extends AppParts {
  readonly routes: RouteTable;
  readonly route: (request: Request) => Response | Promise<Response>;
}

async function answer(parts: Answerer, request: Request, from: Caller): Promise<Response> {
  const startedAt = parts.now();
  const seen: Seen = { pattern: null, wouldRefuse: null, problem: null };
  let response: Response;
  try {
    response = await admit(parts, request, from, seen);
  } catch (error) {
    seen.problem = problemOf(error);
    response = problemResponse(seen.problem);
  }
  response.headers.set("cache-control", "no-store");
  response.headers.set("x-content-type-options", "nosniff");
  // What is still coming in belongs to a request that is answered: it would be swallowed for ever.
  const unread = request.body !== null && !request.bodyUsed;
  if (unread || response.status === PROBLEMS["request-too-large"].status) {
    response.headers.set("connection", "close");
  }
  const { method } = request;
  const { status } = response;
  logAnswer(parts.log, { method, from, status, ms: parts.now() - startedAt, ...seen });
  return response;
}

/** What the log tells of a request, as far as the request came. */
interface Seen {
  pattern: string | null;
  wouldRefuse: Identity["wouldRefuse"];
  problem: Problem | null;
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
  if (route && !route.methods.includes(request.method)) {
    seen.problem = methodNotAllowed(route.methods);
    const response = problemResponse(seen.problem);
    response.headers.set("allow", route.methods.join(", "));
    return response;
  }
  const idempotencyKey = readIdempotencyKey(request);
  const { actor, evidence } = identity;
  const { body, digest } =
    route && isMutation(request.method) ? await readJsonBody(request) : NO_BODY;
  const routed = routable(request);
  const call: Call = {
    actor,
    evidence,
    idempotencyKey,
    operationId:
      idempotencyKey === null ? parts.newOperationId() : operationIdOf(actor, idempotencyKey),
    body,
    requestDigest: digest,
    problem: null,
  };
  openCall(routed, call);
  const response = await parts.route(routed);
  seen.problem = call.problem;
  return request.method === "HEAD" ? new Response(null, response) : response;
}

const NO_BODY = { body: undefined, digest: "" };

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

function methodNotAllowed(methods: readonly string[]): Problem {
  return new Problem(
    "method-not-allowed",
    `Cannot answer: this route has ${methods.join(", ")} only`,
  );
}

/**
 * The request as Elysia gets it. Its host is ours: Elysia looks for the path from the 11th character
 * on, and would take `http://x/zz/admin` for `/admin`. HEAD is asked as GET, which it has no route for
 * otherwise. The body was read already; without one of some kind Elysia would not ask for it.
 */
function routable(request: Request): Request {
  const { pathname, search } = new URL(request.url);
  const url = `http://localhost${pathname}${search}`;
  if (!isMutation(request.method)) return new Request(url);
  return new Request(url, {
    method: request.method,
    headers: { "content-type": "application/json" },
    body: "{}",
  });
}
