import { createHash, randomInt } from "node:crypto";
import { join } from "node:path";
import type { Health } from "../../src/contract/health.ts";
import type { RoomId } from "../../src/core/ids.ts";
import { readLines } from "../../src/system/lines.ts";
import { aRoom } from "../../tests/harness/builders.ts";
import { unibusCommand } from "../../tests/harness/command.ts";
import { type TestKey, testKey } from "../../tests/harness/raw-nats.ts";
import type { Loaded } from "./api-memberships.ts";
import type { PeerTask } from "./api-peers.ts";
import { type Started, startAndTime } from "./servers.ts";

/** Members of each room; the answer to a GET of a room counts them. */
export const ROOM_MEMBERS = 20;
/** Rooms of each user, where there are that many memberships. */
const ROOMS_PER_USER = 100;
/** More than a node answers: what is measured is not held back. */
const NO_RATE = "1000000";

/** Who is in which room of a bus, by number: every 20 users have the same rooms. */
export interface Population {
  readonly memberships: number;
  readonly users: number;
  readonly rooms: number;
}

export function populationOf(memberships: number): Population {
  const rooms = memberships / ROOM_MEMBERS;
  const users = Math.max(ROOM_MEMBERS, memberships / ROOMS_PER_USER);
  if (!Number.isInteger(rooms) || users % ROOM_MEMBERS !== 0) {
    throw new Error(`${memberships} memberships are no whole number of rooms and users`);
  }
  return { memberships, users, rooms };
}

/** The key of a user by its number. */
export function benchUser(number: number): TestKey {
  return testKey(createHash("sha256").update(`bench user ${number}`).digest());
}

/** The id of a room by its number. */
export function benchRoom(number: number): RoomId {
  return aRoom(`bench room ${number}`);
}

/** The numbers of a room's members, its owner first. */
export function membersOf({ users }: Population, room: number): readonly number[] {
  return Array.from({ length: ROOM_MEMBERS }, (_, at) => (room * ROOM_MEMBERS + at) % users);
}

/** Somebody and one of its rooms, both by number. */
export interface Pair {
  readonly user: number;
  readonly room: number;
}

/** `count` pairs of one of `users` users, each in turn, and a random room that it is in. */
export function randomPairs(
  population: Population,
  { users, count }: { readonly users: number; readonly count: number },
): readonly Pair[] {
  const asking = Math.min(users, population.users);
  const step = Math.floor(population.users / asking);
  const groups = population.users / ROOM_MEMBERS;
  return Array.from({ length: count }, (_, at) => {
    const user = (at % asking) * step;
    const group = Math.floor(user / ROOM_MEMBERS);
    return { user, room: group + groups * randomInt(population.rooms / groups) };
  });
}

/** A node whose API is measured. */
export interface ApiNode extends Started {
  readonly dataDir: string;
  readonly port: number;
  readonly busId: string;
}

/** Starts a node from this checkout's sources that holds back nobody, on the core of the servers. */
export async function startApiNode(dataDir: string, mode: "off" | "enforce"): Promise<ApiNode> {
  const ports = ["--http-port", "0", "--nats-port", "0", "--log-format", "json"];
  const rates = ["--requests-per-address", NO_RATE, "--requests-per-user", NO_RATE];
  const started = await startAndTime({
    command: [
      ...unibusCommand(),
      ...["serve", "--data-dir", dataDir, "--bus-auth", mode],
      ...ports,
      ...rates,
    ],
    until: (line) => line.includes('"node.ready"'),
  });
  const { httpUrl }: { httpUrl: string } = JSON.parse(started.line);
  const answer = await fetch("http://localhost/healthz", { unix: join(dataDir, "unibus.sock") });
  const { bus }: Health = JSON.parse(await answer.text());
  return { ...started, dataDir, port: Number(new URL(httpUrl).port), busId: bus };
}

/** A bus as it is measured. */
export interface Bus {
  readonly node: ApiNode;
  readonly memberships: number;
  readonly loaded: Loaded;
}

/** Makes the database of a node with as many memberships, all through `apply`. */
export async function loadMemberships(dataDir: string, memberships: number): Promise<Loaded> {
  const script = join(import.meta.dir, "api-memberships.ts");
  const child = Bun.spawn([process.execPath, script, dataDir, `${memberships}`], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error("The memberships were not made");
  return JSON.parse(text);
}

/** What the API is compared with, in one process of its own. */
export interface Peers extends AsyncDisposable {
  readonly pid: number;
  /** Does a task, and answers its number. */
  ask(task: PeerTask): Promise<number>;
}

export function startPeers(): Peers {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "api-peers.ts")], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  let answer = Promise.withResolvers<number>();
  const ended = readLines(child.stdout, (line) => answer.resolve(Number(line))).then(() =>
    answer.reject(new Error("The peers ended")),
  );
  return {
    pid: child.pid,
    ask(task) {
      answer = Promise.withResolvers();
      void child.stdin.write(`${JSON.stringify(task)}\n`);
      void child.stdin.flush();
      return answer.promise;
    },
    async [Symbol.asyncDispose]() {
      answer.promise.catch(() => {});
      await child.stdin.end();
      await ended;
      await child.exited;
    },
  };
}
