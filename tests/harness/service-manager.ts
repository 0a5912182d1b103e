import { dlopen, FFIType, ptr } from "bun:ffi";
import { readdirSync, readFileSync } from "node:fs";
import { eventually } from "./eventually.ts";

/** A stand-in for systemd, as far as its socket goes. */
export interface NotifySocketStandIn extends Disposable {
  /** What came so far, as it came, and when, by performance.now(). */
  readonly heard: readonly { readonly text: string; readonly at: number }[];
  /** When a text came last; 0 when it never did. */
  lastAt(text: string): number;
}

const [PTRACE_SEIZE, PTRACE_INTERRUPT, WALL_NOHANG] = [0x4206, 0x4207, 0x40000001];
const [AF_UNIX, SOCK_DGRAM_NONBLOCK, LOOK_MS] = [1, 2 | 0o4000, 5];

/** Listens for datagrams at a path, or at "@" and an abstract name. Bun has no such socket. Linux only. */
export function openNotifyStandIn(address: string): NotifySocketStandIn {
  const { i32, pointer, u64 } = FFIType;
  const libc = dlopen("libc.so.6", {
    socket: { args: [i32, i32, i32], returns: i32 },
    bind: { args: [i32, pointer, i32], returns: i32 },
    recv: { args: [i32, pointer, u64, i32], returns: i32 },
    close: { args: [i32], returns: i32 },
  }).symbols;
  const socket = libc.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0);
  const name = Buffer.from(address.startsWith("@") ? `\0${address.slice(1)}` : `${address}\0`);
  const place = Buffer.concat([Buffer.from([AF_UNIX, 0]), name]);
  if (libc.bind(socket, ptr(place), place.length) !== 0) throw new Error(`${address} is not free`);
  const heard: { text: string; at: number }[] = [];
  const room = Buffer.alloc(64 * 1024);
  const timer = setInterval(() => {
    for (;;) {
      const length = libc.recv(socket, ptr(room), BigInt(room.length), 0);
      if (length < 0) return;
      heard.push({ text: room.toString("utf8", 0, length), at: performance.now() });
    }
  }, LOOK_MS);
  return {
    heard,
    lastAt: (wanted) => heard.findLast(({ text }) => text === wanted)?.at ?? 0,
    [Symbol.dispose]() {
      clearInterval(timer);
      libc.close(socket);
    },
  };
}

/** Threads of a child that are stopped while its others run. */
export interface StoppedThreads {
  /** Lets go of them once the child is killed: until then nobody hears of its end. */
  reap(): Promise<void>;
}

/** Stops the threads of a child that have this name, and no other, as a thread that hangs does. */
export function stopThreads(pid: number, name: string): StoppedThreads {
  const { i32, i64, pointer, u64 } = FFIType;
  const libc = dlopen("libc.so.6", {
    ptrace: { args: [i64, i32, u64, u64], returns: i64 },
    waitpid: { args: [i32, pointer, i32], returns: i32 },
  }).symbols;
  const threads = readdirSync(`/proc/${pid}/task`).map(Number).filter(isNamed);
  function isNamed(thread: number): boolean {
    return readFileSync(`/proc/${pid}/task/${thread}/comm`, "utf8").trim() === name;
  }
  if (threads.length === 0) throw new Error(`${pid} has no thread "${name}"`);
  for (const thread of threads) {
    for (const request of [PTRACE_SEIZE, PTRACE_INTERRUPT]) {
      if (Number(libc.ptrace(request, thread, 0, 0)) !== 0) throw new Error("It is not stopped");
    }
  }
  return {
    async reap() {
      const left = new Set(threads);
      await eventually(() => {
        for (const thread of left) {
          // Its stop comes first, then its end; after that it is nobody's.
          if (libc.waitpid(thread, null, WALL_NOHANG) < 0) left.delete(thread);
        }
        return left.size === 0;
      });
    },
  };
}
