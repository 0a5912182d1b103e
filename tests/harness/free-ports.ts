import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { closePort, openPort } from "./loopback.ts";

const FIRST = 10_000;
/**
 * Where the ports begin that the kernel gives to whoever asks for any. From there on a port that is let go
 * is soon somebody else's: nodes that start ask for several, before the last one has taken its own.
 */
const END = ephemeralFrom();
let next = randomInt(FIRST, END);

function ephemeralFrom(): number {
  const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
  return Math.max(Number.parseInt(range, 10), FIRST + 1_000);
}

/**
 * Ports that are free and stay so: for servers that have to know each other's beforehand, or that come
 * back. No two calls of a process answer the same.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = next;
    next = port + 1 < END ? port + 1 : FIRST;
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    // On every address, where one that is taken on any is refused.
    await openPort(server, { port, host: "0.0.0.0" });
  } catch {
    return false;
  }
  await closePort(server);
  return true;
}
