import type { ProblemBody } from "../../src/contract/problems.ts";
import { type App, createApp } from "../../src/http/app.ts";
import type { AppParts, Caller, RefusedRequest } from "../../src/http/parts.ts";
import { bindReads, newOperationId } from "../../src/server/reads.ts";
import { openTestBus, type TestBus } from "./builders.ts";

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

type Ask = (method: string, path: string, asked?: Asked) => Promise<Answer>;

/** The API in this process, on a real store in a temporary folder. */
export interface TestApi extends Disposable {
  readonly app: App;
  readonly bus: TestBus;
  readonly log: readonly LoggedRequest[];
  readonly refusals: readonly RefusedRequest[];
  /** Asks as the local operator, at the node's own socket. */
  readonly atSocket: Ask;
  /** Asks over the network, without proof of who it is. */
  readonly overTcp: Ask;
}

export function openTestApi(more: Partial<AppParts> = {}): TestApi {
  const bus = openTestBus();
  const log: LoggedRequest[] = [];
  const refusals: RefusedRequest[] = [];
  const app = createApp({ ...partsOf(bus, { log, refusals }), ...more });
  const askFrom =
    (from: Caller): Ask =>
    async (method, path, asked = {}) =>
      answerOf(await app.fetch(requestOf(method, path, asked), from));
  return {
    app,
    bus,
    log,
    refusals,
    atSocket: askFrom({ kind: "socket" }),
    overTcp: askFrom(TCP),
    [Symbol.dispose]: () => bus[Symbol.dispose](),
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

function requestOf(method: string, path: string, asked: Asked): Request {
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
): AppParts {
  const keep =
    (level: "info" | "error"): AppParts["log"]["info"] =>
    (event, message, fields = {}) => {
      kept.log.push({ level, event, message, fields });
    };
  const posture = {
    mode: "enforce",
    tls: false,
    rights: "rooms",
    plainRooms: true,
    cluster: null,
  } as const;
  return {
    mode: "enforce",
    version: "0.0.0-test",
    uid: 1000,
    plainRooms: true,
    commit: bus.writePath.commit,
    now: () => 1_700_000_000_000,
    newOperationId,
    read: bindReads(bus.store),
    health: () => ({
      ready: true,
      version: "0.0.0-test",
      posture,
      parts: [{ part: "journal", ready: true, detail: "takes entries" }],
    }),
    bus: () => ({
      clientUrls: ["nats://127.0.0.1:4250"],
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
    }),
    refusals: () => ({
      counts: kept.refusals.length > 0 ? { "request.unsigned": kept.refusals.length } : {},
      last: kept.refusals,
    }),
    countRefusal: (refused) => {
      kept.refusals.push(refused);
    },
    ownHosts: () => [OWN_HOST],
    log: { info: keep("info"), error: keep("error") },
  };
}
