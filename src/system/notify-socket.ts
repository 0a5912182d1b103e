import { ptr } from "bun:ffi";
import { openLibc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const MSG_NOSIGNAL = 0x4000;
/** Bytes of a Unix socket's address in the kernel's `sockaddr_un`, which ends with a zero. */
const ADDRESS_BYTES_MAX = 108;

/** A socket of datagrams to a service manager. Bun has none of this kind. */
export interface NotifySocket extends Disposable {
  /** Sends one datagram and does not wait. Returns 0, or the error's number. */
  send(text: string): number;
}

/** Opens it. `address` is a path, or "@" and an abstract name. Null when it cannot be an address. */
export function openNotifySocket(address: string): NotifySocket | null {
  const place = addressOf(address);
  if (place === null) return null;
  const libc = openLibc();
  const socket = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return null;
  return {
    send(text) {
      const bytes = Buffer.from(text);
      const size = BigInt(bytes.length);
      const sent = libc.sendto(socket, ptr(bytes), size, MSG_NOSIGNAL, ptr(place), place.length);
      return sent < 0 ? libc.errno() : 0;
    },
    [Symbol.dispose]: () => void libc.close(socket),
  };
}

/** As C has it: `sockaddr_un`. An abstract name begins with a zero, and does not end with one. */
function addressOf(address: string): Buffer | null {
  const abstract = address.startsWith("@");
  if (!abstract && !address.startsWith("/")) return null;
  const name = Buffer.from(abstract ? `\0${address.slice(1)}` : `${address}\0`);
  if (name.length < 2 || name.length > ADDRESS_BYTES_MAX) return null;
  const family = Buffer.alloc(2);
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX;
  return Buffer.concat([family, name]);
}
