import { connect, createServer, type Socket } from "node:net";
import { closePort, openPort } from "./loopback.ts";

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
  const port = await openPort(server);
  return {
    port,
    get heard() {
      return Buffer.concat(chunks).toString("latin1");
    },
    leadTo(next) {
      target = next;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await closePort(server);
    },
  };
}
