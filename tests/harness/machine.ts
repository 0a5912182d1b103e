import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, createServer } from "node:net";
import { closePort, openPort } from "./loopback.ts";

/** The children of a process. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number);
}

function parentOf(pid: string): number {
  try {
    // The name of the program stands in brackets, and may hold anything.
    return Number(/^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
  } catch {
    // It is gone.
    return 0;
  }
}

/** The TCP ports on which a process listens, in order, each with its address in hexadecimal. */
export function listenersOf(
  pid: number,
): readonly { readonly port: number; readonly address: string }[] {
  return tcpRowsOf(pid, LISTENING)
    .map((row) => {
      const [address = "", port = ""] = (row[1] ?? "").split(":");
      return { port: Number.parseInt(port, 16), address };
    })
    .sort((one, other) => one.port - other.port);
}

/** The IPv4 addresses that the open TCP connections of a process lead to, one for each connection. */
export function remotesOf(pid: number): readonly string[] {
  return tcpRowsOf(pid, ESTABLISHED).map((row) => {
    const [address = ""] = (row[2] ?? "").split(":");
    return Buffer.from(address.slice(-8), "hex").reverse().join(".");
  });
}

/** The open TCP connections of a process: its descriptor of each, and the port that it leads to. */
export function tcpSocketsOf(
  pid: number,
): readonly { readonly fd: number; readonly remotePort: number }[] {
  const ports = new Map(
    tcpRowsOf(pid, ESTABLISHED).map((row) => [
      row[9] ?? "",
      Number.parseInt((row[2] ?? "").split(":")[1] ?? "", 16),
    ]),
  );
  return socketFdsOf(pid).flatMap(({ fd, inode }) => {
    const remotePort = ports.get(inode);
    return remotePort === undefined ? [] : [{ fd, remotePort }];
  });
}

/** States of a socket in /proc/net/tcp. */
const ESTABLISHED = "01";
const LISTENING = "0A";

function tcpRowsOf(pid: number, state: string): readonly (readonly string[])[] {
  const sockets = new Set(socketsOf(pid));
  return ["tcp", "tcp6"]
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n").slice(1))
    .map((row) => row.trim().split(/\s+/))
    .filter((row) => row[3] === state && sockets.has(row[9] ?? ""));
}

/** The ports on which a process listens, on whatever address. */
export function listeningPorts(pid: number): readonly number[] {
  return listenersOf(pid).map(({ port }) => port);
}

function socketsOf(pid: number): readonly string[] {
  return socketFdsOf(pid).map(({ inode }) => inode);
}

function socketFdsOf(pid: number): readonly { readonly fd: number; readonly inode: string }[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode === undefined ? [] : [{ fd: Number(fd), inode }];
    } catch {
      // It was closed meanwhile.
      return [];
    }
  });
}

/** Bytes of memory that a process holds now. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Says whether somebody accepts connections on a port. */
export function accepts(port: number, host = "127.0.0.1"): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, host);
  socket.once("connect", () => {
    socket.destroy();
    resolve(true);
  });
  socket.once("error", () => resolve(false));
  return promise;
}

/** Listens on a port of this machine, so that nobody else can; 0 takes a free one. */
export async function holdPort(port = 0): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => socket.destroy());
  return {
    port: await openPort(server, { port }),
    [Symbol.asyncDispose]: () => closePort(server),
  };
}
