/**
 * Load generator, a process of its own: reads one job as JSON from stdin, makes and signs its requests
 * beforehand, sends them over raw sockets, one under way on each, and prints its numbers as JSON. Any
 * answer but a success ends it.
 */
import { readFileSync } from "node:fs";
import { testKey } from "../../tests/harness/raw-nats.ts";
import { createSigner } from "../../tests/harness/signer.ts";
import { quantile } from "./statistics.ts";

/** One request of a user, by its place among the seeds. */
export interface Ask {
  readonly user: number;
  readonly path: string;
}

/** Where an API answers: a port of this machine, or the socket of its operator. */
export type Place = { readonly port: number } | { readonly unix: string };

export interface ApiJob {
  readonly place: Place;
  /** The process that answers. */
  readonly pid: number;
  readonly connections: number;
  /** Requests to send, the first tenth of them not measured; if fewer are made, they come again. */
  readonly count: number;
  /**
   * Never sleeps while it waits for answers: a server that answers slowly would wake it with each one,
   * at 8 µs of the server's own time, and a fast one hardly ever. It asks for a core of its own.
   */
  readonly awake: boolean;
  readonly requests: RequestKind;
}

export type RequestKind =
  /** The same request again and again. */
  | {
      readonly kind: "same";
      readonly method?: "GET" | "POST";
      readonly path: string;
      readonly headers: Record<string, string>;
      readonly body?: string;
    }
  /** Requests that are signed by users of a bus, each with a nonce of its own. */
  | {
      readonly kind: "signed";
      readonly busId: string;
      /** Seeds in hex. */
      readonly seeds: readonly string[];
      readonly asks: readonly Ask[];
      readonly method: "GET" | "POST";
      readonly body: string | null;
    };

export interface ApiNumbers {
  readonly perSecond: number;
  /** From sending to the whole answer; of use where there is one connection. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the server for one request, in microseconds. */
  readonly serverUs: number;
  /** How much of a core the load itself took; where it may sleep, it is the limit only near 1. */
  readonly generatorBusy: number;
}

const job: ApiJob = JSON.parse(await Bun.stdin.text());
const wire = makeRequests(job);
const warm = Math.ceil(job.count / 10);
let next = 0;
let answered = 0;
let startedAt = 0;
let before = busyMs();
const times: number[] = [];
const done = Promise.withResolvers<void>();

function makeRequests({ place, requests }: ApiJob): readonly Buffer[] {
  const host = "port" in place ? `127.0.0.1:${place.port}` : "localhost";
  if (requests.kind === "same") {
    const { method = "GET", path, headers, body = null } = requests;
    return [render(method, path, host, headers, body)];
  }
  const { busId, method, body } = requests;
  const signers = requests.seeds.map((seed) =>
    createSigner(busId, testKey(Buffer.from(seed, "hex"))),
  );
  const type = body === null ? {} : { "content-type": "application/json" };
  return requests.asks.map(({ user, path }) => {
    const signer = signers[user];
    if (!signer) throw new Error(`A job needs the seed of user ${user}`);
    const signed = signer.sign({ method, url: `http://${host}${path}`, body, headers: {} });
    return render(method, path, host, { ...type, ...signed }, body);
  });
}

function render(
  method: string,
  path: string,
  host: string,
  headers: Readonly<Record<string, string>>,
  body: string | null,
): Buffer {
  const length = body === null ? {} : { "content-length": `${Buffer.byteLength(body)}` };
  const lines = Object.entries({ host, ...headers, ...length }).map(([name, value]) => {
    return `${name}: ${value}\r\n`;
  });
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body ?? ""}`);
}

/** Sends the next request, if any is left, and takes the answer for whole by its length. */
async function converse(): Promise<void> {
  let sentAt = 0;
  let answer: Buffer = Buffer.alloc(0);
  const send = (socket: Bun.Socket<undefined>): void => {
    if (next === warm) begin();
    const request = next < job.count ? wire[next % wire.length] : undefined;
    if (!request) return;
    next++;
    answer = Buffer.alloc(0);
    sentAt = performance.now();
    if (socket.write(request) !== request.length) throw new Error("A socket took half a request");
  };
  const handler: Bun.SocketHandler<undefined> = {
    data(connection, data) {
      answer = answer.length === 0 ? data : Buffer.concat([answer, data]);
      if (!isWhole(answer)) return;
      if (startedAt > 0) times.push(performance.now() - sentAt);
      if (++answered === job.count) done.resolve();
      send(connection);
    },
    close: () => done.reject(new Error("The server closed a connection")),
    error: (_connection, error) => done.reject(error),
  };
  const { place } = job;
  const socket =
    "unix" in place
      ? await Bun.connect({ unix: place.unix, socket: handler })
      : await Bun.connect({ hostname: "127.0.0.1", port: place.port, socket: handler });
  send(socket);
}

/** Length of an answer that was seen to be whole: most are as long as the one before. */
let usualBytes = 0;

function isWhole(answer: Buffer): boolean {
  // `HTTP/1.1 200`: the tenth byte is the first of the status.
  if (answer.length > 9 && answer[9] !== 0x32) {
    throw new Error(`A good request was refused: ${answer.toString("latin1")}`);
  }
  if (answer.length === usualBytes) return true;
  const end = answer.indexOf("\r\n\r\n");
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(answer.toString("latin1")) ?? [];
  if (end < 0 || answer.length < end + 4 + Number(length ?? 0)) return false;
  usualBytes = answer.length;
  return true;
}

function begin(): void {
  before = busyMs();
  startedAt = performance.now();
}

/** Processor time of both sides so far. Of the server the kernel tells it to a hundredth second. */
function busyMs(): { readonly server: number; readonly generator: number } {
  const stat = readFileSync(`/proc/${job.pid}/stat`, "utf8");
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  const own = process.cpuUsage();
  return { server: (user + system) * 10, generator: (own.user + own.system) / 1_000 };
}

function stayAwake(): void {
  if (answered < job.count) setImmediate(stayAwake);
}

if (job.awake) stayAwake();
await Promise.all(Array.from({ length: job.connections }, converse));
await done.promise;
const ms = performance.now() - startedAt;
const after = busyMs();
const numbers: ApiNumbers = {
  perSecond: (times.length / ms) * 1_000,
  p50Ms: quantile(times, 0.5),
  p99Ms: quantile(times, 0.99),
  serverUs: ((after.server - before.server) * 1_000) / times.length,
  generatorBusy: (after.generator - before.generator) / ms,
};
process.stdout.write(JSON.stringify(numbers));
process.exit(0);
