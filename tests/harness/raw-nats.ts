import { randomBytes, sign } from "node:crypto";
import type { UserId } from "../../src/core/ids.ts";
import { privateKeyOf, publicBytesOf } from "./ed25519.ts";
import { eventually } from "./eventually.ts";
import { userKeyOf } from "./nkey.ts";

/** A user's key pair for tests: signs natively, so that thousands of logins cost little. */
export interface TestKey {
  readonly user: UserId;
  readonly seed: Uint8Array;
  /** The 32 bytes that `user` renders. */
  readonly publicKey: Buffer;
  sign(text: string | Uint8Array): Buffer;
}

export function testKey(seed: Uint8Array = randomBytes(32)): TestKey {
  const key = privateKeyOf(seed);
  const publicKey = publicBytesOf(key);
  return {
    user: userKeyOf(publicKey),
    seed,
    publicKey,
    sign: (text) => sign(null, typeof text === "string" ? Buffer.from(text) : text, key),
  };
}

export interface RawMessage {
  readonly subject: string;
  readonly sid: string;
  readonly reply: string;
  readonly payload: string;
}

/** One connection that speaks the NATS protocol word by word, so that a test can say what no client would. */
export interface RawNats extends Disposable {
  /** What the server said first. */
  readonly info: {
    readonly nonce?: string;
    readonly server_id: string;
    readonly server_name?: string;
    readonly cluster?: string;
    readonly connect_urls?: readonly string[];
    readonly client_id?: number;
  };
  readonly messages: RawMessage[];
  readonly errors: string[];
  readonly closed: boolean;
  /** When the socket closed, by performance.now(); 0 while it is open. */
  readonly closedAt: number;
  send(text: string): void;
  /** PING, and waits for its PONG: everything sent before was dealt with. Answers false when closed. */
  drain(timeoutMs?: number): Promise<boolean>;
  publish(subject: string, payload: string, reply?: string): void;
  subscribe(subject: string, sid: string, queue?: string): void;
}

/** Opens a socket and waits for INFO; sends nothing yet. */
export async function openRaw(port: number, host = "127.0.0.1"): Promise<RawNats> {
  const messages: RawMessage[] = [];
  const errors: string[] = [];
  let info: RawNats["info"] | null = null;
  let pongs = 0;
  let pings = 0;
  let closedAt = 0;
  let buffer = Buffer.alloc(0);
  let waiters: (() => void)[] = [];
  const wake = (): void => {
    const awake = waiters;
    waiters = [];
    for (const waiter of awake) waiter();
  };

  function take(): boolean {
    const end = buffer.indexOf("\r\n");
    if (end < 0) return false;
    const line = buffer.toString("utf8", 0, end);
    const words = line.split(" ");
    if (words[0] === "MSG" || words[0] === "HMSG") {
      const size = Number(words.at(-1));
      if (buffer.length < end + 2 + size + 2) return false;
      const payload = buffer.toString("utf8", end + 2, end + 2 + size);
      const headers = words[0] === "HMSG" ? 1 : 0;
      const reply = words.length === 5 + headers ? (words[3] ?? "") : "";
      messages.push({ subject: words[1] ?? "", sid: words[2] ?? "", reply, payload });
      buffer = buffer.subarray(end + 2 + size + 2);
      return true;
    }
    buffer = buffer.subarray(end + 2);
    if (words[0] === "INFO") info = JSON.parse(line.slice(5));
    else if (line === "PONG") pongs++;
    else if (line === "PING") socket.write("PONG\r\n");
    else if (words[0] === "-ERR") errors.push(line.slice(5));
    return true;
  }

  const socket = await Bun.connect({
    hostname: host,
    port,
    socket: {
      data(_socket, chunk) {
        buffer = Buffer.concat([buffer, chunk]);
        while (take());
        wake();
      },
      close() {
        closedAt = performance.now();
        wake();
      },
      error() {
        closedAt ||= performance.now();
        wake();
      },
    },
  });
  const first = await eventually(() => info ?? (closedAt ? { server_id: "" } : null), {
    what: "INFO",
    everyMs: 1,
  });
  return {
    info: first,
    messages,
    errors,
    get closed() {
      return closedAt > 0;
    },
    get closedAt() {
      return closedAt;
    },
    send: (text) => void socket.write(text),
    async drain(timeoutMs = 10_000) {
      const wanted = ++pings;
      socket.write("PING\r\n");
      const deadlineAt = performance.now() + timeoutMs;
      while (pongs < wanted && closedAt === 0) {
        if (performance.now() > deadlineAt) throw new Error("No PONG in time");
        const { promise, resolve } = Promise.withResolvers<void>();
        waiters.push(resolve);
        const timer = setTimeout(resolve, 100);
        await promise;
        clearTimeout(timer);
      }
      return pongs >= wanted;
    },
    publish(subject, payload, reply = "") {
      const size = Buffer.byteLength(payload);
      socket.write(`PUB ${subject}${reply && ` ${reply}`} ${size}\r\n${payload}\r\n`);
    },
    subscribe(subject, sid, queue = "") {
      socket.write(`SUB ${subject}${queue && ` ${queue}`} ${sid}\r\n`);
    },
    [Symbol.dispose]: () => void socket.end(),
  };
}

/** The CONNECT line of a client that proves its key the right way. */
export function connectLine(key: TestKey, nonce: string, more: object = {}): string {
  const sig = key.sign(nonce).toString("base64url");
  const options = { verbose: false, pedantic: false, headers: true, no_responders: true };
  return `CONNECT ${JSON.stringify({ ...options, nkey: key.user, sig, ...more })}\r\n`;
}

/** Logs in with a key. Answers the connection; whether it was admitted tells `closed`. */
export async function loginRaw(port: number, key: TestKey, more: object = {}): Promise<RawNats> {
  const client = await openRaw(port);
  client.send(connectLine(key, client.info.nonce ?? "", more));
  await client.drain();
  return client;
}
