import { connect, createServer, type Socket } from "node:net";

/** A wire that somebody listens to: what goes through, in both directions. */
export interface Wiretap extends AsyncDisposable {
  readonly port: number;
  /** Every byte so far, one character each. */
  readonly heard: string;
  /** Whereto new connections lead; nowhere at first. */
  leadTo(port: number): void;
}

/** Opens a port of loopback that hands everything on, and keeps it. */
export async function openWiretap(): Promise<Wiretap> {
  let target = 0;
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (chunk: Buffer) => chunks.push(chunk));
      // Either end's fault is the other one's end.
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
      from.pipe(to);
    }
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    get heard() {
      return Buffer.concat(chunks).toString("latin1");
    },
    leadTo(port) {
      target = port;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}
