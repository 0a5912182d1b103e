import { dlopen, FFIType, ptr } from "bun:ffi";
import { createServer, type Socket } from "node:net";
import { closePort, openPort } from "./loopback.ts";

/** A way to a server of this machine that hands its words on at one speed, as a slow reader reads them. */
export interface SlowWire extends AsyncDisposable {
  readonly port: number;
}

const TICK_MS = 20;
const [AF_INET, SOCK_STREAM_NONBLOCK, SOL_SOCKET, SO_RCVBUF] = [2, 0o4001, 1, 8];

/*
 * By system calls: what reads by itself takes half a megabyte at once, and a socket's buffer cannot be
 * set otherwise. Linux only.
 */
function openSockets() {
  const { i32, pointer, u64 } = FFIType;
  return dlopen("libc.so.6", {
    socket: { args: [i32, i32, i32], returns: i32 },
    setsockopt: { args: [i32, i32, i32, pointer, i32], returns: i32 },
    connect: { args: [i32, pointer, i32], returns: i32 },
    recv: { args: [i32, pointer, u64, i32], returns: i32 },
    send: { args: [i32, pointer, u64, i32], returns: i32 },
    close: { args: [i32], returns: i32 },
  }).symbols;
}

/** Opens a wire to a port of loopback. `bufferBytes` is the receive buffer of whoever reads there. */
export async function openSlowWire(options: {
  readonly target: number;
  readonly bytesPerSecond: number;
  readonly bufferBytes: number;
}): Promise<SlowWire> {
  const { target, bytesPerSecond, bufferBytes } = options;
  const libc = openSockets();
  const ends = new Set<() => void>();
  function accept(near: Socket): void {
    const far = libc.socket(AF_INET, SOCK_STREAM_NONBLOCK, 0);
    const size = new Int32Array([bufferBytes]);
    libc.setsockopt(far, SOL_SOCKET, SO_RCVBUF, ptr(size), 4);
    const place = new Uint8Array([
      AF_INET,
      0,
      target >> 8,
      target & 255,
      127,
      0,
      0,
      1,
      ...Array(8).fill(0),
    ]);
    libc.connect(far, ptr(place), place.length);
    const room = Buffer.alloc(Math.ceil((bytesPerSecond * TICK_MS) / 1000));
    const timer = setInterval(() => {
      const length = libc.recv(far, ptr(room), room.length, 0);
      if (length > 0) near.write(Buffer.from(room.subarray(0, length)));
      if (length === 0) end();
    }, TICK_MS);
    function end(): void {
      if (!ends.delete(end)) return;
      clearInterval(timer);
      libc.close(far);
      near.destroy();
    }
    ends.add(end);
    near.setNoDelay(true);
    near.on("data", (chunk: Buffer) => void libc.send(far, ptr(chunk), chunk.length, 0));
    near.on("error", end);
    near.on("close", end);
  }
  const server = createServer(accept);
  const port = await openPort(server);
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const end of ends) end();
      await closePort(server);
    },
  };
}
