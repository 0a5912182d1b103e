import { eventually } from "./eventually.ts";
import { openHttp } from "./raw-http.ts";
import type { Signer } from "./signer.ts";

/** Where the attacks go. */
export interface Target {
  readonly url: string;
  readonly port: number;
  readonly host: string;
  /** A user of the bus, who is no friend. */
  readonly signer: Signer;
  /** An address of loopback that asked for nothing yet. */
  readonly newAddress: () => string;
}

/** What came of one attack. */
export interface Attacked {
  readonly statuses: readonly number[];
  readonly sentBytes: number;
  /** How long the connection lived. */
  readonly ms: number;
}

export interface HttpAttack {
  readonly what: string;
  readonly run: (target: Target) => Promise<Attacked>;
  /** What it may be answered with; 0 is a connection that is closed without a word. */
  readonly expected: readonly number[];
}

const MIB = 1024 * 1024;
const BODY_BYTES = 400 * MIB;
const JSON_TYPE = "Content-Type: application/json\r\n";
const DEEP = 10_000;

/** Attacks that are over at once. */
export const QUICK_ATTACKS: readonly HttpAttack[] = [
  ...(["announced", "in chunks without an end"] as const).flatMap((how): HttpAttack[] => [
    {
      what: `400 MB ${how}, of nobody`,
      expected: [0, 401],
      run: (on) => sendLarge(on, how, false),
    },
    { what: `400 MB ${how}, of a user`, expected: [0, 413], run: (on) => sendLarge(on, how, true) },
  ]),
  {
    what: "1 MB of headers",
    expected: [0, 431],
    run: (on) => sendHead(on, `X-Long: ${"x".repeat(MIB)}\r\n`),
  },
  {
    what: "1 MB of headers in small ones",
    expected: [0, 431],
    run: (on) => sendHead(on, `X-A: ${"x".repeat(95)}\r\n`.repeat(10_000)),
  },
  {
    what: "250 headers",
    expected: [0, 431],
    run: (on) => sendHead(on, numbered(250)),
  },
  {
    what: "a path of 1 MB",
    expected: [0, 414, 431],
    run: (on) => sendHead(on, "", "x".repeat(MIB)),
  },
  body("arrays in arrays", [413], "[".repeat(DEEP) + "]".repeat(DEEP)),
  body("objects in objects", [413], `${'{"a":'.repeat(DEEP)}1${"}".repeat(DEEP)}`),
  body("arrays that never end", [400], "[".repeat(DEEP)),
  body("as many arrays as fit", [400], "[".repeat(8_000) + "]".repeat(8_000)),
  body("a prototype", [422], '{"name":"x","__proto__":{"role":"admin"}}'),
  body("a prototype of the parts", [422], '{"name":"x","genesis":{"__proto__":{"record":"x"}}}'),
  body("a constructor", [422], '{"name":"x","constructor":{"prototype":{"role":"admin"}}}'),
  body("a lone surrogate", [422], '{"name":"\\ud800"}'),
  body("a lone surrogate at the end", [422], '{"name":"x\\udfff"}'),
  body("a member that is no member", [422], '{"name":"x","\\ud800":1}'),
  body("a zero character", [422], '{"name":"a\\u0000b"}'),
];

/** Attacks that last until the node has had enough. */
export const SLOW_ATTACKS: readonly HttpAttack[] = [
  {
    what: "headers that come a byte a second",
    expected: [0, 408],
    run: (on) => trickle(on, `GET /healthz HTTP/1.1\r\nHost: ${on.host}\r\nX-Slow: `),
  },
  {
    what: "a user's body that comes a byte a second",
    expected: [0, 400, 408],
    run: (on) => trickle(on, `${signedHead(on, "{}")}Content-Length: 16000\r\n\r\n{`),
  },
  {
    what: "a user's chunks that come a byte a second",
    expected: [0, 400, 408],
    run: (on) => trickle(on, `${signedHead(on, "{}")}Transfer-Encoding: chunked\r\n\r\nffff\r\n{`),
  },
  { what: "nothing at all", expected: [0, 408], run: (on) => trickle(on, "", "") },
];

function numbered(count: number): string {
  return Array.from({ length: count }, (_, at) => `X-${at}: ${at}\r\n`).join("");
}

function body(what: string, expected: readonly number[], text: string): HttpAttack {
  return {
    what,
    expected,
    run: (on) => say(on, `${signedHead(on, text)}Content-Length: ${text.length}\r\n\r\n${text}`),
  };
}

/** The head of a room's making as a user signs it, but for the length of its body. */
function signedHead({ url, host, signer }: Target, text: string): string {
  const signable = { method: "POST", url: `${url}/v1/rooms`, body: text, headers: {} };
  const proof = Object.entries(signer.sign(signable)).map(([name, value]) => `${name}: ${value}`);
  return `POST /v1/rooms HTTP/1.1\r\nHost: ${host}\r\n${JSON_TYPE}${proof.join("\r\n")}\r\n`;
}

async function sendHead(on: Target, headers: string, path = "healthz"): Promise<Attacked> {
  return await say(on, `GET /${path} HTTP/1.1\r\nHost: ${on.host}\r\n${headers}\r\n`);
}

/** Says something and waits for its answer, or for the end. */
async function say({ port, newAddress }: Target, text: string): Promise<Attacked> {
  const startedAt = performance.now();
  using connection = await openHttp(port, text, newAddress());
  await eventually(() => connection.closed || connection.received.includes("\r\n\r\n"));
  return {
    statuses: connection.statuses(),
    sentBytes: text.length,
    ms: performance.now() - startedAt,
  };
}

/** Sends a body of 400 MB as fast as it is taken, until it is sent or the connection is closed. */
async function sendLarge(
  on: Target,
  how: "announced" | "in chunks without an end",
  signed: boolean,
): Promise<Attacked> {
  const head = signed
    ? signedHead(on, "{}")
    : `POST /v1/rooms HTTP/1.1\r\nHost: ${on.host}\r\n${JSON_TYPE}`;
  const isAnnounced = how === "announced";
  const length = isAnnounced ? `Content-Length: ${BODY_BYTES}` : "Transfer-Encoding: chunked";
  const part = isAnnounced ? "x".repeat(MIB) : `100000\r\n${"x".repeat(MIB)}\r\n`;
  const startedAt = performance.now();
  using connection = await openHttp(on.port, `${head}${length}\r\n\r\n`, on.newAddress());
  const { socket } = connection;
  let sentBytes = socket.bytesWritten;
  while (!connection.closed && sentBytes < BODY_BYTES) {
    socket.write(part);
    await eventually(() => socket.writableLength === 0 || connection.closed, { everyMs: 0 });
    // A connection that was reset takes what is written, and nothing is sent.
    if (socket.bytesWritten === sentBytes) break;
    sentBytes = socket.bytesWritten;
  }
  await eventually(() => connection.closed || connection.received.includes("\r\n\r\n"));
  return { statuses: connection.statuses(), sentBytes, ms: performance.now() - startedAt };
}

/** Sends a byte each second until the connection is closed. */
async function trickle(on: Target, first: string, eachSecond = "x"): Promise<Attacked> {
  const startedAt = performance.now();
  using connection = await openHttp(on.port, first, on.newAddress());
  let sentBytes = first.length;
  const timer = setInterval(() => {
    if (eachSecond !== "") connection.socket.write(eachSecond);
    sentBytes += eachSecond.length;
  }, 1_000);
  try {
    await eventually(() => connection.closed, { timeoutMs: 20_000, everyMs: 50 });
  } finally {
    clearInterval(timer);
  }
  return { statuses: connection.statuses(), sentBytes, ms: performance.now() - startedAt };
}
