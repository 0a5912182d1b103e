import { dlopen, FFIType } from "bun:ffi";
import { tcpSocketsOf } from "./machine.ts";

const { i32, i64 } = FFIType;
const { symbols: libc } = dlopen("libc.so.6", {
  syscall: { args: [i64, i64, i64, i64], returns: i64 },
  shutdown: { args: [i32, i32], returns: i32 },
  close: { args: [i32], returns: i32 },
});
/** Numbers of system calls, the same on all processors. */
const PIDFD_OPEN = 434n;
const PIDFD_GETFD = 438n;
const SHUT_RDWR = 2;

/**
 * Cuts the TCP connections of a process that lead to a port, as a fault of the machine would: both ends
 * see an end that neither asked for. Works on children of the test. Answers how many were cut.
 */
export function cutConnections(pid: number, port: number): number {
  const process = call(PIDFD_OPEN, pid, 0);
  try {
    const sockets = tcpSocketsOf(pid).filter(({ remotePort }) => remotePort === port);
    for (const { fd } of sockets) {
      const socket = call(PIDFD_GETFD, process, fd);
      libc.shutdown(socket, SHUT_RDWR);
      libc.close(socket);
    }
    return sockets.length;
  } finally {
    libc.close(process);
  }
}

function call(number: bigint, one: number, two: number): number {
  const answer = Number(libc.syscall(number, BigInt(one), BigInt(two), 0n));
  if (answer < 0) throw new Error(`System call ${number} failed`);
  return answer;
}

/** Acts at a random moment of the next milliseconds. */
export async function soon<T>(act: () => Promise<T>): Promise<T> {
  await Bun.sleep(Math.random() * 20);
  return await act();
}
