import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { eventually } from "./eventually.ts";
import { connectLine, type TestKey } from "./raw-nats.ts";

/** A client that can stop to read, and speaks on. */
export interface StallingClient extends Disposable {
  readonly closed: boolean;
  /** Messages that arrived, and when the last one did, by performance.now(). */
  readonly messages: number;
  readonly lastAt: number;
  send(text: string): void;
  publish(subject: string, payload: string): void;
  /** PING, and waits for its PONG: only while it reads. */
  drain(): Promise<void>;
  /** Reads nothing from now on. */
  stall(): void;
}

/** Logs in with a key, over TLS from the first byte on where that is asked for. */
export async function openStallingClient(
  port: number,
  key: TestKey,
  { tls }: { readonly tls: boolean },
): Promise<StallingClient> {
  const at = { host: "127.0.0.1", port };
  const socket: Socket = tls ? connectTls({ ...at, rejectUnauthorized: false }) : connectPlain(at);
  const heard = { text: "", messages: 0, lastAt: 0, pongs: 0, greeted: false, closed: false };
  socket.on("error", () => undefined);
  socket.on("close", () => {
    heard.closed = true;
  });
  socket.on("data", (chunk: Buffer) => {
    const lines = (heard.text + chunk.toString("latin1")).split("\r\n");
    heard.text = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "PONG") heard.pongs++;
      if (line === "PING") socket.write("PONG\r\n");
      if (line.startsWith("INFO ") && !heard.greeted) {
        heard.greeted = true;
        socket.write(connectLine(key, JSON.parse(line.slice(5)).nonce ?? ""));
      }
      if (!line.startsWith("MSG ")) continue;
      heard.messages++;
      heard.lastAt = performance.now();
    }
  });
  const client: StallingClient = {
    get closed() {
      return heard.closed;
    },
    get messages() {
      return heard.messages;
    },
    get lastAt() {
      return heard.lastAt;
    },
    send: (text) => void socket.write(text),
    publish: (subject, payload) =>
      void socket.write(`PUB ${subject} ${payload.length}\r\n${payload}\r\n`),
    async drain() {
      const wanted = heard.pongs + 1;
      socket.write("PING\r\n");
      await eventually(() => heard.pongs >= wanted, { everyMs: 1, what: "PONG" });
    },
    stall: () => void socket.pause(),
    [Symbol.dispose]: () => void socket.destroy(),
  };
  await eventually(() => heard.closed || heard.greeted, { everyMs: 1, what: "INFO" });
  await client.drain();
  return client;
}
