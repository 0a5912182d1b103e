import { ptr } from "bun:ffi";
import { closeSync, constants, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import { getSystemErrorName } from "node:util";
import { openLibc } from "./libc.ts";

const AF_UNIX = 1;
/** SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC: the same numbers on x64 and arm64. */
const STREAM = 1 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const O_PATH = 0o10000000;

/**
 * Finds who listens on a socket, by a connection that is closed at once: the user id of the process at the
 * time that it began to listen, which it cannot forge. Throws an error with the code of the system.
 * Source: unix(7), SO_PEERCRED.
 */
export function findPeer(path: string): number {
  const libc = openLibc();
  function orThrow(result: number, call: string): number {
    if (result >= 0) return result;
    const code = getSystemErrorName(-libc.errno());
    throw Object.assign(new Error(`${code}: ${call} of ${path}`), { code });
  }
  const folder = openSync(dirname(path), O_PATH | constants.O_DIRECTORY);
  const socket = libc.socket(AF_UNIX, STREAM, 0);
  try {
    orThrow(socket, "socket");
    // The path itself may be longer than the 108 bytes that an address takes.
    const name = Buffer.from(`/proc/self/fd/${folder}/${basename(path)}\0`);
    const address = Buffer.concat([Buffer.from(new Uint16Array([AF_UNIX]).buffer), name]);
    orThrow(libc.connect(socket, ptr(address), address.length), "connect");
    // struct ucred: pid, uid, gid.
    const peer = new Uint32Array(3);
    const size = new Uint32Array([peer.byteLength]);
    orThrow(libc.getsockopt(socket, SOL_SOCKET, SO_PEERCRED, ptr(peer), ptr(size)), "getsockopt");
    return peer[1] ?? 0;
  } finally {
    if (socket >= 0) closeSync(socket);
    closeSync(folder);
  }
}
