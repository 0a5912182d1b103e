import type { Bus } from "../../src/contract/bus.ts";
import type { Health } from "../../src/contract/health.ts";
import type { ProblemBody } from "../../src/contract/problems.ts";
import { type App, createApp } from "../../src/http/app.ts";
import type { AppParts, Caller, RefusedRequest } from "../../src/http/parts.ts";
import type { Identity } from "../../src/sdk/identity.ts";
import { bindReads, newOperationId, randomBytes } from "../../src/server/reads.ts";
import { commitUnsettled } from "../../src/server/write-path.ts";
import { getBus } from "../../src/store/journal.ts";
import { NOW, openTestBus, type TestBus } from "./builders.ts";
import { undocumented } from "./documented.ts";

/** The Host that the API under test knows as its own. */
export const OWN_HOST = "bus.test:8470";
const TCP: Caller = { kind: "tcp", address: "192.0.2.7" };

export interface LoggedRequest {
  readonly level: "info" | "error";
  readonly event: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; null without one. A test names the shape that it asks for. */
  // biome-ignore lint/suspicious/noExplicitAny: each route has its own shape, checked by the app itself.
  readonly json: any;
}

export interface Asked {
  readonly body?: unknown;
  /** A body as it stands, instead of `body`. */
  readonly raw?: string | Uint8Array<ArrayBuffer> | ReadableStream;
  readonly headers?: Readonly<Record<string, string>>;
  readonly host?: string | null;
}

export type Ask = (method: string, path: string, asked?: Asked) => Promise<Answer>;

/** The API in this process, on a real store in a temporary folder. */
export interface TestApi extends Disposable {
  readonly app: App;
  readonly bus: TestBus;
  readonly busId: string;
  readonly log: readonly LoggedRequest[];
  readonly refusals: readonly RefusedRequest[];
  /** Asks as the local operator, at the node's own socket. */
  readonly atSocket: Ask;
  /** Asks over the network, without proof of who it is. */
  readonly overTcp: Ask;
  /** Asks over the network, each request signed. */
  asSigned(identity: Identity): Ask;
  /** Asks over the network, with a bearer token. */
  withToken(token: string): Ask;
  /** Sends a request as it is; unsigned ones have to name the host. */
  send(request: Request): Promise<Answer>;
}

/** Opens the API; on the bus of another one, what a node does that starts again on its store. */
export function openTestApi(more: Partial<AppParts> = {}, bus = openTestBus()): TestApi {
  const log: LoggedRequest[] = [];
  const refusals: RefusedRequest[] = [];
  // Unless a test sets the two apart, both clocks go alike.
  const elapsed = more.now ?? (() => NOW);
  const parts = { ...partsOf(bus, { log, refusals }, more.mode), elapsed, ...more };
  const app = documentedOnly(createApp(parts));
  const askFrom =
    (from: Caller): Ask =>
    async (method, path, asked = {}) =>
      answerOf(await app.fetch(requestOf(method, path, asked), from));
  return {
    app,
    bus,
    busId: parts.busId(),
    log,
    refusals,
    atSocket: askFrom({ kind: "socket" }),
    overTcp: askFrom(TCP),
    asSigned: (identity) => async (method, path, asked) => {
      const request = await signed(requestOf(method, path, asked), identity, parts);
      return answerOf(await app.fetch(request, TCP));
    },
    withToken: (token) => (method, path, asked) =>
      askFrom(TCP)(method, path, {
        ...asked,
        headers: { ...asked?.headers, authorization: `Bearer ${token}` },
      }),
    send: async (request) => answerOf(await app.fetch(request, TCP)),
    [Symbol.dispose]: () => bus[Symbol.dispose](),
  };
}

/** The same API, which fails a test that is answered what the OpenAPI document does not tell. */
function documentedOnly(app: App): App {
  return {
    async fetch(request, from) {
      const response = await app.fetch(request, from);
      const fault = await undocumented(request, response);
      if (fault !== null) throw new Error(`The OpenAPI document does not tell: ${fault}`);
      return response;
    },
  };
}

/** Says which problem an answer is, after checking that it is one by all its parts. */
export function problemOf({ status, headers, json }: Answer): string {
  const { code, type, title, detail, status: told }: ProblemBody = json;
  const whole =
    headers.get("content-type") === "application/problem+json" &&
    type.endsWith(`/problems/${code}`) &&
    title !== "" &&
    detail.startsWith("Cannot ") &&
    told === status &&
    Object.keys(json).length === 5;
  return whole ? code : `no whole problem: ${JSON.stringify(json)}`;
}

/** The same request, signed; what it had of headers stays. */
async function signed(
  request: Request,
  identity: Identity,
  { busId, now }: Pick<AppParts, "busId" | "now">,
): Promise<Request> {
  const body = new Uint8Array(await request.clone().arrayBuffer());
  const { method, url } = request;
  const headers = Object.fromEntries(request.headers);
  const added = await identity.signRequest({
    busId: busId(),
    method,
    url,
    body,
    headers,
    now: now(),
  });
  return new Request(request, { headers: { ...headers, ...added } });
}

export function requestOf(method: string, path: string, asked: Asked = {}): Request {
  const { body, raw, headers, host = OWN_HOST } = asked;
  const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return new Request(`http://${host ?? "localhost"}${path}`, {
    method,
    headers: {
      ...(host === null ? {} : { host }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(sent === undefined ? {} : { body: sent }),
  });
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== "" ? JSON.parse(text) : null,
  };
}

function partsOf(
  bus: TestBus,
  kept: { readonly log: LoggedRequest[]; readonly refusals: RefusedRequest[] },
  mode: AppParts["mode"] = "enforce",
): AppParts {
  const keep =
    (level: "info" | "error"): AppParts["log"]["info"] =>
    (event, message, fields = {}) => {
      kept.log.push({ level, event, message, fields });
    };
  return {
    mode,
    version: "0.0.0-test",
    busId: () => getBus(bus.store).busId,
    startedAt: NOW - 60_000,
    uid: 1000,
    plainRooms: true,
    rates: {
      addressPerSecond: 1_000_000,
      addressBurst: 1_000_000,
      userPerSecond: 1_000_000,
      userBurst: 1_000_000,
    },
    trustedProxies: [],
    randomBytes,
    commit: commitUnsettled(bus.writePath),
    now: () => NOW,
    elapsed: () => NOW,
    newOperationId,
    read: bindReads(bus.store),
    health: () => healthOf(bus, mode),
    bus: () => BUS,
    cluster: { view: async () => null },
    refusals: () => ({
      counts: kept.refusals.length > 0 ? { "request.unauthenticated": kept.refusals.length } : {},
      last: kept.refusals,
    }),
    countRefusal: (refused) => {
      kept.refusals.push(refused);
    },
    ownHosts: () => [OWN_HOST],
    log: { info: keep("info"), error: keep("error") },
  };
}

const BUS: Bus = {
  dataPlane: "embedded",
  clientUrls: ["nats://127.0.0.1:4250"],
  nodes: [],
  tls: false,
  mode: "enforce",
  version: "0.0.0-test",
  natsVersion: "2.14.3",
  cluster: null,
  limits: {
    payloadBytesMax: 1,
    connectionsPerUserMax: 2,
    subscriptionsPerConnectionMax: 3,
    roomsPerUserMax: 4,
  },
};

function healthOf({ store }: TestBus, mode: AppParts["mode"]): Health {
  const rights = { off: "all", soft: "all-rooms", enforce: "rooms" } as const;
  return {
    alive: true,
    ready: true,
    version: "0.0.0-test",
    bus: getBus(store).busId,
    posture: {
      mode,
      tls: false,
      rights: rights[mode],
      plainRooms: true,
      cluster: null,
      dataPlane: "embedded",
    },
    parts: [{ part: "journal", ready: true, detail: "takes entries" }],
    warnings: [],
  };
}
