/**
 * Which bursts a slow client survives, in a process of its own inside whatever network it is started in:
 * `bursts.ts OPTIONS`, as JSON. Starts a stock nats-server, gives each of so many clients a burst of one
 * size, and says which of them were closed for being slow, as a line of JSON.
 */
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { eventually } from "./eventually.ts";
import { startExternalServer } from "./external-nats.ts";
import { openSlowLink } from "./slow-link.ts";
import { openSlowWire } from "./slow-wire.ts";

export interface BurstOptions {
  /** What the server is configured with. */
  readonly config: object;
  readonly tls: boolean;
  /** Bytes of the bursts, one for each client. */
  readonly sizes: readonly number[];
  /** Clients that read so fast, or who are so far away. */
  readonly slow:
    | { readonly bytesPerSecond: number; readonly bufferBytes: number }
    | { readonly delayMs: number };
  /** How long to wait for the last to be closed. */
  readonly waitMs: number;
}

const MESSAGE_BYTES = 32 * 1024;

interface Client {
  readonly socket: Socket;
  readonly id: number;
  readonly pongs: () => number;
}

async function open(port: number, tls: boolean): Promise<Client> {
  const host = "127.0.0.1";
  const socket: Socket = tls
    ? connectTls({ host, port, rejectUnauthorized: false })
    : connectPlain({ host, port });
  let head = "";
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    if (head.length < 8192) head += chunk.toString("latin1");
  });
  await eventually(() => head.includes("INFO "), { what: "INFO", timeoutMs: 20_000 });
  socket.write('CONNECT {"verbose":false}\r\nPING\r\n');
  await eventually(() => head.includes("PONG"), { what: "PONG", timeoutMs: 20_000 });
  const id = Number(/"client_id":(\d+)/.exec(head)?.[1]);
  return { socket, id, pongs: () => head.split("PONG").length - 1 };
}

async function openWay({ slow }: BurstOptions, target: number) {
  if ("bytesPerSecond" in slow) return await openSlowWire({ ...slow, target });
  const host = "127.0.0.1";
  const link = await openSlowLink({
    ends: [{ from: { host, port: 0 }, to: { host, port: target } }],
    faults: {
      ...{ delayMs: slow.delayMs, jitterMs: 0, loss: 0, resentMs: 0 },
      ...{ stallEveryMs: 1, stallMs: 0, cutEveryMs: 1 },
    },
    random: Math.random,
  });
  return { port: link.ports[0] ?? 0, [Symbol.asyncDispose]: () => link[Symbol.asyncDispose]() };
}

const options: BurstOptions = JSON.parse(process.argv[2] ?? "");
const { config, tls, sizes, waitMs } = options;
await using server = await startExternalServer(config);
await using way = await openWay(options, server.port);
const clients = await Promise.all(sizes.map(() => open(way.port, tls)));
clients.forEach(({ socket }, at) => void socket.write(`SUB burst.${at} 1\r\n`));
const { socket: speaker, pongs } = await open(server.port, tls);
await Bun.sleep(500);
sizes.forEach((size, at) => {
  for (let left = size; left > 0; left -= MESSAGE_BYTES) {
    const bytes = Math.min(left, MESSAGE_BYTES);
    speaker.write(`PUB burst.${at} ${bytes}\r\n${"x".repeat(bytes)}\r\n`);
  }
});
speaker.write("PING\r\n");
await eventually(() => pongs() > 1, {
  what: "all bursts to be with the server",
  timeoutMs: 60_000,
});
await Bun.sleep(waitMs);
const slow = new Set(
  [...server.log().matchAll(/cid:(\d+) - Slow Consumer/g)].map(([, id]) => Number(id)),
);
const closed = clients.flatMap(({ id }, at) => (slow.has(id) ? [sizes[at]] : []));
process.stdout.write(`${JSON.stringify({ closed })}\n`);
// An exit disposes of nothing.
await server.end();
process.exit();
