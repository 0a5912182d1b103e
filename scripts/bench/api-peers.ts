/**
 * What the API is compared with, in a process of its own on the core of the servers: a raw Bun.serve
 * and an Elysia without anything of ours, each answering the bytes that it is told, and the parts of a
 * signed request one at a time. Reads a task as JSON from each line of stdin, answers each with a line.
 */
import { Database } from "bun:sqlite";
import { generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import { Elysia } from "elysia";
import { Me } from "../../src/contract/me.ts";
import { Nothing } from "../../src/contract/values.ts";
import type { UserId } from "../../src/core/ids.ts";
import { type DeclaredRoute, dispatch } from "../../src/http/dispatch.ts";
import { routeTable } from "../../src/http/route-table.ts";
import { countMembers, findMember } from "../../src/store/members.ts";
import { openStoreForReading, type Store } from "../../src/store/open.ts";
import { findRoom } from "../../src/store/rooms.ts";
import { findUser } from "../../src/store/users.ts";
import { benchRoom, benchUser, populationOf, ROOM_MEMBERS, randomPairs } from "./api-scene.ts";
import { quantile } from "./statistics.ts";

/** Characters of the entry of a signed change. */
const ENTRY_CHARS = 2_000;

/** Who calls a route: the part of a node that does, Elysia as it is, or Elysia making code of strings. */
export type RouteServer = "node" | "elysia" | "elysia-aot";

/** An answer of a node, to be given to whatever is asked. */
export interface FixedAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type PeerTask =
  /** Answers the port. */
  | { readonly kind: "raw"; readonly answer: FixedAnswer }
  /** The same by a route in Elysia, with the contract of `GET /v1/me`. Answers the port. */
  | { readonly kind: "route"; readonly answer: FixedAnswer; readonly by: RouteServer }
  /** Answers the microseconds of one check of a signature by node:crypto. */
  | { readonly kind: "verify"; readonly times: number }
  /** Answers the microseconds of what a GET of a room asks the database of a node. */
  | {
      readonly kind: "sql";
      readonly path: string;
      readonly memberships: number;
      readonly users: number;
      readonly times: number;
    }
  /** Answers the milliseconds, p50, of one row written to the disk. */
  | { readonly kind: "insert"; readonly path: string; readonly times: number };

function answerOf(task: PeerTask): number {
  switch (task.kind) {
    case "raw": {
      const { body, headers } = task.answer;
      return serve(() => new Response(body, { headers }));
    }
    case "route":
      return serveRoute(task);
    case "verify":
      return timeVerify(task.times);
    case "sql":
      return timeSql(task);
    case "insert":
      return timeInsert(task);
    default:
      task satisfies never;
      throw new Error("No such task");
  }
}

function serve(fetch: (request: Request) => Response | Promise<Response>): number {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    reusePort: false,
    fetch,
  });
  return server.port ?? 0;
}

function serveRoute({ answer, by }: Extract<PeerTask, { kind: "route" }>): number {
  // The contract is checked again, answer by answer.
  const body: Me = JSON.parse(answer.body);
  const app = new Elysia({ normalize: false, strictPath: true, aot: by === "elysia-aot" }).get(
    "/v1/me",
    ({ set }) => {
      Object.assign(set.headers, answer.headers);
      return body;
    },
    { query: Nothing, response: { 200: Me } },
  );
  if (by !== "node") return serve((request) => app.fetch(request));
  const table = routeTable<DeclaredRoute>(app.routes);
  return serve((request) => {
    const url = new URL(request.url);
    const route = table.find(url.pathname);
    const declared = route?.declared.get(request.method);
    if (!declared) throw new Error("There is one route");
    return dispatch(declared, { request, url, params: route?.params ?? {}, body: undefined });
  });
}

/** Bytes of what the signature of a GET is over. */
const SIGNED_BYTES = 600;

function timeVerify(times: number): number {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const base = randomBytes(SIGNED_BYTES);
  const signature = sign(null, base, privateKey);
  return microsecondsOf(times, () => {
    if (!verify(null, base, publicKey, signature)) throw new Error("A good signature is good");
  });
}

/** Open as long as this process: a node keeps what it read in memory too. */
const stores = new Map<string, Store>();

function timeSql({ path, memberships, users, times }: Extract<PeerTask, { kind: "sql" }>): number {
  const store = stores.get(path) ?? openStoreForReading({ path });
  stores.set(path, store);
  const keys = new Map<number, UserId>();
  const pairs = randomPairs(populationOf(memberships), { users, count: times }).map((pair) => {
    const user = keys.get(pair.user) ?? benchUser(pair.user).user;
    keys.set(pair.user, user);
    return { user, room: benchRoom(pair.room) };
  });
  let at = 0;
  return microsecondsOf(times, () => {
    const pair = pairs[at++ % pairs.length];
    if (!pair) throw new Error("There are pairs");
    const user = findUser(store, pair.user);
    const room = findRoom(store, pair.room);
    const member = findMember(store, pair);
    if (!user || !room || !member || countMembers(store, pair.room) !== ROOM_MEMBERS) {
      throw new Error("Who was loaded is there");
    }
  });
}

/** A row as long as the journal has for a change, in a table as the journal is kept. */
function timeInsert({ path, times }: Extract<PeerTask, { kind: "insert" }>): number {
  using database = new Database(path, { strict: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("CREATE TABLE IF NOT EXISTS rows (seq INTEGER PRIMARY KEY, entry TEXT) STRICT");
  const insert = database.query("INSERT INTO rows (entry) VALUES ($entry)");
  const ms = Array.from({ length: times }, () => {
    const startedAt = performance.now();
    insert.run({ entry: "x".repeat(ENTRY_CHARS) });
    return performance.now() - startedAt;
  });
  return quantile(ms, 0.5);
}

/** Pieces of a measurement: where something else interrupts, it does not interrupt most of them. */
const PIECES = 100;

/** Time of one piece of work, in the middle of the pieces; a tenth goes before, for the compiler. */
function microsecondsOf(times: number, work: () => void): number {
  for (let at = 0; at < times / 10; at++) work();
  const perPiece = Math.ceil(times / PIECES);
  const pieces = Array.from({ length: PIECES }, () => {
    const startedAt = performance.now();
    for (let at = 0; at < perPiece; at++) work();
    return ((performance.now() - startedAt) * 1_000) / perPiece;
  });
  return quantile(pieces, 0.5);
}

for await (const line of console) {
  if (line === "") break;
  const task: PeerTask = JSON.parse(line);
  process.stdout.write(`${answerOf(task)}\n`);
}
process.exit(0);
