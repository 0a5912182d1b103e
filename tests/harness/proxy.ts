import {
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  request,
} from "node:http";
import { closePort, openPort } from "./loopback.ts";
import type { Signer } from "./signer.ts";

/** A small reverse proxy, as stands in front of a node. */
export interface ReverseProxy extends AsyncDisposable {
  readonly url: string;
  /** Names the node behind it. */
  aimAt(target: string): void;
  /** Method and path of each request that it handed on, as they came. */
  readonly passed: readonly string[];
}

/** An answer as a client reads it. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly text: string;
}

/**
 * Asks from one address of loopback, of which Linux has all of 127.0.0.0/8: each is a client of its
 * own to whom it asks.
 */
export async function askFrom(
  address: string,
  url: string,
  asked: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<PlainAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PlainAnswer>();
  const { method = "GET", headers = {} } = asked;
  const sent = request(url, { localAddress: address, agent: false, method, headers }, (answer) => {
    let text = "";
    answer.on("data", (data) => {
      text += data;
    });
    answer.on("end", () =>
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
    );
  });
  sent.on("error", reject);
  sent.end();
  return await promise;
}

/** A request on its way through a proxy. */
export interface Passing {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly body: Buffer;
  /** Whom the proxy hears. */
  readonly peer: string;
  readonly target: string;
}

export interface ProxyOptions {
  /** The node behind it; it can be named later. */
  readonly target?: string;
  /** The address of loopback that it asks from. */
  readonly address?: string;
  /** The headers that a request goes on with; those it came with if nothing is said. */
  readonly headersFor?: (passing: Passing) => OutgoingHttpHeaders;
}

/** Starts a proxy that hands on everything as it came: the path to the letter, the body. */
export async function openProxy(options: ProxyOptions = {}): Promise<ReverseProxy> {
  const { address, headersFor = ({ headers }) => ({ ...headers }) } = options;
  const passed: string[] = [];
  let { target = "" } = options;
  const server = createServer(async (asked, answer) => {
    const { method = "GET", url: path = "/", headers, socket } = asked;
    passed.push(`${method} ${path}`);
    const chunks: Buffer[] = [];
    for await (const chunk of asked) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const peer = socket.remoteAddress ?? "unknown";
    const { hostname, port } = new URL(target);
    const sent = request({
      ...{ hostname, port, method, path, agent: false },
      ...(address === undefined ? {} : { localAddress: address }),
      headers: headersFor({ method, path, headers, body, peer, target }),
    });
    sent.on("response", (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(answer);
    });
    sent.on("error", () => answer.destroy());
    sent.end(body);
  });
  const port = await openPort(server);
  return {
    url: `http://127.0.0.1:${port}`,
    aimAt: (url) => {
      target = url;
    },
    passed,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await closePort(server);
    },
  };
}

/** As proxies do: under the Host that the node knows, and `x-forwarded-for` tells whom it heard. */
export function forwardedFor({ headers, peer, target }: Passing): OutgoingHttpHeaders {
  const before = headers["x-forwarded-for"];
  return {
    ...headers,
    host: new URL(target).host,
    "x-forwarded-for": before === undefined ? peer : `${before}, ${peer}`,
  };
}

/** What `authorization` has to be for a proxy to sign in its place; without it nothing is proved. */
export const SIGN = "sign";

/** Under the Host that the node knows, and signed where asked: for programs that cannot sign. */
export function signedBy(signer: Signer): (passing: Passing) => OutgoingHttpHeaders {
  return ({ method, path, headers: asked, body, target }) => {
    const { "transfer-encoding": _, authorization, ...kept } = asked;
    const length = body.length > 0 ? { "content-length": `${body.length}` } : {};
    const headers = { ...kept, host: new URL(target).host, ...length };
    if (authorization !== SIGN) return headers;
    const covered = ["idempotency-key", "if-match"].flatMap((name) => {
      const value = asked[name];
      return value === undefined ? [] : [[name, String(value)] as const];
    });
    const signed = signer.sign({
      ...{ method, url: `${target}${path}`, body: body.length > 0 ? body : null },
      headers: Object.fromEntries(covered),
    });
    return { ...headers, ...signed };
  };
}
