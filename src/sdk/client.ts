import type { Bus } from "../contract/bus.ts";
import type { Health } from "../contract/health.ts";
import type { AddMemberBody, Member, MemberPage } from "../contract/members.ts";
import type { Refusals } from "../contract/refusals.ts";
import type { CreateRoomBody, Room, RoomPage } from "../contract/rooms.ts";
import type { AddUserBody, SeedUserBody, User, UserDetail, UserPage } from "../contract/users.ts";
import { PROBLEMS, Problem, type ProblemCode } from "../core/problems.ts";

/** One page of a list, and by name where that finds few. */
export interface ListOptions {
  readonly limit?: number;
  readonly after?: string;
  readonly name?: string;
}

export interface ChangeOptions {
  /** Repeating a change with the same key makes it happen once. */
  readonly idempotencyKey?: string;
}

/** The API of a node as functions. Every one throws the `Problem` that the node answers. */
export interface Client {
  health(): Promise<Health>;
  bus(): Promise<Bus>;
  refusals(): Promise<Refusals>;
  readonly users: {
    /** Makes a key the first admin; at the node's own socket only. */
    seed(body: SeedUserBody, options?: ChangeOptions): Promise<User>;
    add(body: AddUserBody, options?: ChangeOptions): Promise<User>;
    list(options?: ListOptions): Promise<UserPage>;
    show(user: string): Promise<UserDetail>;
    revoke(user: string, options?: ChangeOptions): Promise<User>;
    restore(user: string, options?: ChangeOptions): Promise<User>;
  };
  readonly rooms: {
    create(body: CreateRoomBody, options?: ChangeOptions): Promise<Room>;
    list(options?: ListOptions): Promise<RoomPage>;
    show(room: string): Promise<Room>;
    delete(room: string, options?: ChangeOptions): Promise<void>;
  };
  readonly members: {
    list(room: string, options?: Omit<ListOptions, "name">): Promise<MemberPage>;
    add(member: MemberName, body?: AddMemberBody, options?: ChangeOptions): Promise<Member>;
    accept(member: MemberName, options?: ChangeOptions): Promise<Member>;
    remove(member: MemberName, options?: ChangeOptions): Promise<void>;
  };
}

/** A membership by the ids of its two sides. */
export interface MemberName {
  readonly room: string;
  readonly user: string;
}

export interface ClientOptions {
  /** Sends one request: the global `fetch`, or one bound to a socket. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Where the API is, e.g. `https://bus.example.org`. */
  readonly baseUrl: string;
  /** What errors call the node; its URL if nothing is said. */
  readonly name?: string;
}

/**
 * Makes a client of the API. It uses web standards alone and keeps no state.
 * An answer that is no problem of the table becomes "node-unreachable": something else is there.
 */
export function createClient(options: ClientOptions): Client {
  const get = <T>(path: string) => ask<T>(options, { method: "GET", path });
  const send = <T>(
    method: string,
    path: string,
    { body, idempotencyKey }: ChangeOptions & { readonly body?: object | undefined } = {},
  ) => ask<T>(options, { method, path, body, idempotencyKey });
  return {
    health: () => get("/healthz"),
    bus: () => get("/v1/bus"),
    refusals: () => get("/v1/refusals"),
    users: {
      seed: (body, change) => send("POST", "/v1/users/seed", { ...change, body }),
      add: (body, change) => send("POST", "/v1/users", { ...change, body }),
      list: (page) => get(`/v1/users${queryOf(page)}`),
      show: (user) => get(`/v1/users/${segment(user)}`),
      revoke: (user, change) => send("POST", `/v1/users/${segment(user)}/revoke`, change),
      restore: (user, change) => send("POST", `/v1/users/${segment(user)}/restore`, change),
    },
    rooms: {
      create: (body, change) => send("POST", "/v1/rooms", { ...change, body }),
      list: (page) => get(`/v1/rooms${queryOf(page)}`),
      show: (room) => get(`/v1/rooms/${segment(room)}`),
      delete: (room, change) => send("DELETE", `/v1/rooms/${segment(room)}`, change),
    },
    members: {
      list: (room, page) => get(`/v1/rooms/${segment(room)}/members${queryOf(page)}`),
      add: (member, body = {}, change) => send("PUT", memberPath(member), { ...change, body }),
      accept: (member, change) => send("POST", `${memberPath(member)}/accept`, change),
      remove: (member, change) => send("DELETE", memberPath(member), change),
    },
  };
}

async function ask<T>(
  { fetch, baseUrl, name = baseUrl }: ClientOptions,
  request: {
    readonly method: string;
    readonly path: string;
    readonly body?: object | undefined;
    readonly idempotencyKey?: string | undefined;
  },
): Promise<T> {
  const { method, path, body, idempotencyKey } = request;
  const headers = new Headers({ accept: "application/json" });
  if (body !== undefined) headers.set("content-type", "application/json");
  if (idempotencyKey !== undefined) headers.set("idempotency-key", idempotencyKey);
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await reach(name, () => fetch(new URL(path, baseUrl).href, init));
  const text = await reach(name, () => response.text());
  if (!response.ok) throw readProblem(name, response.status, text);
  // The node checks its answers against the contract that these types come from.
  return (text === "" ? undefined : readJson(name, text)) as T;
}

/** Names the cause of a failed connection, whose own words are about sockets. */
async function reach<T>(name: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (cause) {
    throw new Problem("node-unreachable", `Cannot reach ${name}: it does not answer`, {
      cause,
    });
  }
}

function readProblem(name: string, status: number, text: string): Problem {
  const body = readJson(name, text, status);
  if (typeof body === "object" && body !== null && "code" in body && "detail" in body) {
    const { code, detail } = body;
    if (isProblemCode(code) && typeof detail === "string") return new Problem(code, detail);
  }
  return notOurs(name, status);
}

function readJson(name: string, text: string, status = 200): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notOurs(name, status, { cause });
  }
}

function notOurs(name: string, status: number, options?: ErrorOptions): Problem {
  const detail = `Cannot use the answer of ${name}: status ${status} without a problem of unibus`;
  return new Problem("node-unreachable", detail, options);
}

function isProblemCode(code: unknown): code is ProblemCode {
  return typeof code === "string" && Object.hasOwn(PROBLEMS, code);
}

function memberPath({ room, user }: MemberName): string {
  return `/v1/rooms/${segment(room)}/members/${segment(user)}`;
}

function segment(text: string): string {
  return encodeURIComponent(text);
}

function queryOf(options: ListOptions = {}): string {
  const query = new URLSearchParams();
  const { limit, after, name } = options;
  if (limit !== undefined) query.set("limit", `${limit}`);
  if (after !== undefined) query.set("after", after);
  if (name !== undefined) query.set("name", name);
  return query.size > 0 ? `?${query}` : "";
}
