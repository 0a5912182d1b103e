import { Elysia } from "elysia";
import { CERTIFICATES_KEPT_MAX, NONCES_MAX } from "../core/limits.ts";
import { PROBLEMS, Problem } from "../core/problems.ts";
import {
  type Asking,
  createAuthentication,
  type Identity,
  isRefusedProof,
  NOBODY,
  offeredKey,
  type RefusedProof,
} from "./authenticate.ts";
import { isMutation, readJsonBody } from "./body.ts";
import { makeCall, openCall, readIfMatch } from "./call.ts";
import { createCertificates } from "./certificates.ts";
import { clientAddress } from "./client-address.ts";
import { assertPlainRoutes, type DeclaredRoute, dispatch } from "./dispatch.ts";
import { checkDoor, readIdempotencyKey, refuseOddQuery } from "./door.ts";
import { explorer } from "./explorer.ts";
import { health, OPEN_PATHS } from "./health.ts";
import { invites } from "./invites.ts";
import { me } from "./me.ts";
import { members } from "./members.ts";
import { nodes } from "./nodes.ts";
import { createNonces } from "./nonces.ts";
import { operate } from "./operate.ts";
import type { AppParts, Caller } from "./parts.ts";
import { AnsweredProblem, headersOf, problemOf, problemResponse } from "./problem.ts";
import { logAnswer } from "./request-log.ts";
import { createRequestRates, type RequestRates } from "./request-rates.ts";
import { rooms } from "./rooms.ts";
import { type Route, type RouteTable, routeTable } from "./route-table.ts";
import { tokens } from "./tokens.ts";
import { users } from "./users.ts";

export interface App {
  /**
   * Answers a request; never throws. `from` is whose connection it came by; `bearWith` is called when
   * all of the request is there, and the answer may take a while.
   */
  fetch(request: Request, from: Caller, bearWith?: () => void): Promise<Response>;
}

/** Makes the API: what stands before every route, and the routes. */
export function createApp(parts: AppParts): App {
  const rates = createRequestRates(parts);
  const { routes } = createRoutes({ ...parts, commit: rates.counted(parts.commit) });
  assertPlainRoutes(routes);
  const answering: Answering = {
    ...parts,
    limits: rates,
    authenticate: createAuthentication({
      ...parts,
      takeUser: rates.takeUser,
      certificates: createCertificates({ busId: parts.busId, keptMax: CERTIFICATES_KEPT_MAX }),
      nonces: createNonces({ keptMax: NONCES_MAX, elapsed: parts.elapsed }),
    }),
    routes: routeTable<DeclaredRoute>(routes),
  };
  return {
    fetch: (request, peer, bearWith = () => {}) => answer(answering, request, { peer, bearWith }),
  };
}

/** Makes the routes. Nothing of the parts is used before a request comes. */
export function createRoutes(parts: AppParts) {
  // `aot: false`: Elysia would make code from strings, which the executable refuses. It declares the
  // routes and their types; `dispatch` asks them (docs/decisions/0014).
  const api = new Elysia({ normalize: false, strictPath: true, aot: false })
    .use(health(parts))
    .use(operate(parts))
    .use(me(parts))
    .use(users(parts))
    .use(tokens(parts))
    .use(invites(parts))
    .use(rooms(parts))
    .use(members(parts))
    .use(nodes(parts));
  return api.use(explorer(parts, () => api.routes));
}

interface Answering extends AppParts {
  readonly limits: RequestRates;
  readonly authenticate: (asking: Asking) => Identity;
  readonly routes: RouteTable<DeclaredRoute>;
}

/** What the log and the headers of an answer tell of a request, as far as it came. */
interface Seen {
  from: Caller;
  readonly bearWith: () => void;
  route: Route<DeclaredRoute> | null;
  wouldRefuse: RefusedProof | null;
  problem: Problem | null;
}

async function answer(
  parts: Answering,
  request: Request,
  { peer, bearWith }: { readonly peer: Caller; readonly bearWith: () => void },
): Promise<Response> {
  const startedAt = parts.elapsed();
  const seen: Seen = { from: peer, bearWith, route: null, wouldRefuse: null, problem: null };
  let response: Response;
  try {
    response = await admit(parts, request, seen);
  } catch (error) {
    seen.problem = problemOf(error);
    response = problemResponse(seen.problem);
  }
  finish(response, request, seen, parts.now());
  logAnswer(parts.log, {
    method: request.method,
    pattern: seen.route?.pattern ?? null,
    from: seen.from,
    status: response.status,
    ms: Math.round(parts.elapsed() - startedAt),
    problem: seen.problem,
    wouldRefuse: seen.wouldRefuse?.code ?? null,
  });
  return response;
}

/** A request's way to its route: what costs least comes first, and its body is read last. */
async function admit(parts: Answering, request: Request, seen: Seen): Promise<Response> {
  seen.from = senderOf(request, seen.from, parts.trustedProxies);
  const url = checkDoor(request, seen.from, parts.ownHosts());
  parts.limits.takeAddress(seen.from);
  refuseOddQuery(url);
  const route = parts.routes.find(url.pathname);
  seen.route = route;
  const isOpen = route !== null && OPEN_PATHS.has(route.pattern);
  const unasked = isOpen && seen.from.kind === "tcp";
  const identity = unasked ? NOBODY : identify(parts, request, seen);
  const declared = declaredFor(route, request.method);
  const idempotencyKey = readIdempotencyKey(request);
  const ifMatch = readIfMatch(request);
  const signedDigest = identity.signature ? request.headers.get("content-digest") : null;
  const body = isMutation(request.method) ? await readJsonBody(request, { signedDigest }) : null;
  if (body) seen.bearWith();
  const { newOperationId } = parts;
  openCall(request, makeCall({ identity, idempotencyKey, ifMatch, body, newOperationId }));
  const { params = {} } = route ?? {};
  const asked = { request, url, params, body: body?.value };
  const response = await dispatch(declared, asked);
  return request.method === "HEAD" ? new Response(null, response) : response;
}

/** Who sent a request: behind our own proxies, the one that they heard. */
function senderOf(request: Request, peer: Caller, trustedProxies: readonly string[]): Caller {
  if (peer.kind === "socket") return peer;
  return { kind: "tcp", address: clientAddress(request.headers, peer.address, trustedProxies) };
}

/** The one route where a key may ask that is no user's yet. */
const STRANGERS = { method: "POST", pattern: "/v1/invites/:invite/redeem" };

/** Finds out who asks, and reports who did not prove it. */
function identify(parts: Answering, request: Request, seen: Seen): Identity {
  const { from, route } = seen;
  const pattern = route?.pattern ?? "(no route)";
  const strangers = request.method === STRANGERS.method && pattern === STRANGERS.pattern;
  const report = (refused: RefusedProof, admitted: boolean) =>
    parts.countRefusal({
      at: parts.now(),
      kind: "request",
      reason: refused.code,
      address: from.kind === "tcp" ? from.address : "",
      user: offeredKey(request),
      subject: `${request.method} ${pattern}`,
      admitted,
    });
  try {
    const identity = parts.authenticate({ request, from, strangers });
    seen.wouldRefuse = identity.wouldRefuse;
    if (identity.wouldRefuse && parts.mode === "soft") report(identity.wouldRefuse, true);
    return identity;
  } catch (error) {
    if (isRefusedProof(error)) report(error, false);
    throw error;
  }
}

/** What is declared for a path and method. Throws "route-not-found" or "method-not-allowed". */
function declaredFor(route: Route<DeclaredRoute> | null, method: string): DeclaredRoute {
  if (!route) throw new Problem("route-not-found", "Cannot answer: the API has no such route");
  const declared = route.declared.get(method === "HEAD" ? "GET" : method);
  if (declared) return declared;
  const allow = route.methods.join(", ");
  throw new AnsweredProblem("method-not-allowed", `Cannot answer: this route has ${allow} only`, {
    allow,
  });
}

/** Adds what every answer says, whoever made it. */
function finish(response: Response, request: Request, seen: Seen, now: number): void {
  const { headers, status } = response;
  // Only files that never change say otherwise.
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  headers.set("x-content-type-options", "nosniff");
  if (status === 401) headers.set("date", new Date(now).toUTCString());
  // Somebody who shows nothing knows that; whose proof does not hold has to be told.
  if (seen.wouldRefuse && seen.wouldRefuse.code !== "unauthenticated") {
    headers.set("unibus-would-refuse", seen.wouldRefuse.code);
    for (const [name, value] of headersOf(seen.wouldRefuse)) headers.set(name, value);
  }
  // What is still coming in belongs to a request that is answered: it would be swallowed for ever.
  const unread = request.body !== null && !request.bodyUsed;
  if (unread || status === PROBLEMS["request-too-large"].status) headers.set("connection", "close");
}
