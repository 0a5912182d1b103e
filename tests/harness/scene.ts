import { join } from "node:path";
import type { Health } from "../../src/contract/health.ts";
import type { Refusals } from "../../src/contract/refusals.ts";
import type { RoomId } from "../../src/core/ids.ts";
import type { RoomRole } from "../../src/core/operations.ts";
import { createPool } from "./pool.ts";
import { loginRaw, openRaw, type RawNats, type TestKey, testKey } from "./raw-nats.ts";
import { type RunningUnibus, type StartOptions, startUnibus } from "./unibus.ts";

/** A room of a running node, as far as tests of the data plane need it. */
export interface SceneRoom {
  readonly id: RoomId;
  /** `rm.<class>.<shard>.<room>`. */
  readonly subject: string;
  /** Where a sender speaks in it. */
  as(key: TestKey, topic?: string): string;
  /** A subject of somebody's inbox in it. */
  inbox(key: TestKey, token?: string): string;
}

/** A running node, and short words to fill it with users and rooms. */
export interface Scene extends AsyncDisposable {
  readonly unibus: RunningUnibus;
  readonly port: number;
  addUser(): Promise<TestKey>;
  addRoom(members?: readonly (readonly [TestKey, RoomRole])[]): Promise<SceneRoom>;
  setRole(room: SceneRoom, key: TestKey, role: RoomRole): Promise<void>;
  removeMember(room: SceneRoom, key: TestKey): Promise<void>;
  revoke(key: TestKey): Promise<void>;
  /** Logs in and demands to be let in. */
  login(key: TestKey, more?: object): Promise<RawNats>;
  /** Opens a socket, says what `lineOf` makes of the nonce, and waits for the judgement. */
  knock(lineOf: (nonce: string) => string): Promise<Knock>;
  refusals(): Promise<Refusals>;
  /** How many connections the node's own register holds. */
  connections(): Promise<number>;
  /** How often something was refused for a reason, e.g. `login.key-unknown`. */
  refused(what: string): Promise<number>;
}

/** How the node answered a try to log in. */
export interface Knock {
  readonly admitted: boolean;
  readonly errors: readonly string[];
}

export async function startScene(options: StartOptions = {}): Promise<Scene> {
  const unibus = await startUnibus(options);
  const port = unibus.natsPort;
  let rooms = 0;

  async function setRole(room: { readonly id: string }, key: TestKey, role: RoomRole) {
    await unibus.ask("PUT", `/v1/rooms/${room.id}/members/${key.user}`, { role });
  }
  async function refusals(): Promise<Refusals> {
    return await unibus.ask("GET", "/v1/refusals");
  }
  return {
    unibus,
    port,
    async addUser() {
      const key = testKey();
      await unibus.ask("POST", "/v1/users", { user: key.user });
      return key;
    },
    async addRoom(members = []) {
      const { room: id, subject } = await unibus.ask<{ room: RoomId; subject: string }>(
        "POST",
        "/v1/rooms",
        { name: `room ${++rooms}` },
      );
      for (const [key, role] of members) await setRole({ id }, key, role);
      return {
        id,
        subject,
        as: (key, topic = "msg") => `${subject}.${key.user}.${topic}`,
        inbox: (key, token = "x") => `_INBOX.${key.user}.${id}.${token}`,
      };
    },
    setRole,
    async removeMember({ id }, { user }) {
      await unibus.ask("DELETE", `/v1/rooms/${id}/members/${user}`);
    },
    async revoke({ user }) {
      await unibus.ask("POST", `/v1/users/${user}/revoke`);
    },
    async login(key, more) {
      const client = await loginRaw(port, key, more);
      if (client.closed) throw new Error(`${key.user} was refused: ${client.errors.join()}`);
      return client;
    },
    async knock(lineOf) {
      using client = await openRaw(port);
      client.send(lineOf(client.info.nonce ?? ""));
      const admitted = await client.drain();
      return { admitted, errors: [...client.errors] };
    },
    refusals,
    async connections() {
      const { parts } = await unibus.ask<Health>("GET", "/healthz");
      const detail = parts.find(({ part }) => part === "data-plane")?.detail ?? "";
      return Number(/^(\d+) clients connected$/.exec(detail)?.[1]);
    },
    refused: async (what) => (await refusals()).counts[what] ?? 0,
    [Symbol.asyncDispose]: () => unibus[Symbol.asyncDispose](),
  };
}

/** The people of an attack: Mallory shares a room with Alice, and wants into that of Alice and Bob. */
export interface Attack {
  readonly scene: Scene;
  readonly alice: TestKey;
  readonly bob: TestKey;
  readonly mallory: TestKey;
  /** Alice and Bob talk here, Mallory is a stranger to it. */
  readonly theirs: SceneRoom;
  /** Mallory talks here with Alice. */
  readonly own: SceneRoom;
}

export async function startAttack(): Promise<Attack> {
  const scene = await startScene();
  const alice = await scene.addUser();
  const bob = await scene.addUser();
  const mallory = await scene.addUser();
  const theirs = await scene.addRoom([
    [alice, "owner"],
    [bob, "member"],
  ]);
  const own = await scene.addRoom([
    [mallory, "owner"],
    [alice, "member"],
  ]);
  return { scene, alice, bob, mallory, theirs, own };
}

/** Runs a job so many times, a few hundred at once, and returns all answers. */
export async function repeat<T>(times: number, job: (at: number) => Promise<T>): Promise<T[]> {
  // Answers to repeated refusals wait up to a second each: one after the other would take hours.
  const pooled = createPool(200);
  return await Promise.all(Array.from({ length: times }, (_, at) => pooled(() => job(at))));
}

/** Waits until everything that these clients said was dealt with, and all of it has arrived. */
export async function settle(...clients: readonly RawNats[]): Promise<void> {
  for (const client of clients) await client.drain();
  for (const client of clients) await client.drain();
}

/** Publishes with headers, each a name and a value. */
export function publishWithHeaders(
  client: RawNats,
  message: {
    readonly subject: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly payload?: string;
    readonly reply?: string;
  },
): void {
  const { subject, headers, payload = "", reply } = message;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `NATS/1.0\r\n${lines.join("")}\r\n`;
  const sizes = `${Buffer.byteLength(head)} ${Buffer.byteLength(head + payload)}`;
  const to = reply === undefined ? subject : `${subject} ${reply}`;
  client.send(`HPUB ${to} ${sizes}\r\n${head}${payload}\r\n`);
}

/** The configuration that a node's running nats-server was given, read where it reads it. */
export async function runningNatsConfig(unibus: RunningUnibus): Promise<Record<string, unknown>> {
  const pid = unibus.log.find((line) => line.event === "nats.ready")?.pid;
  return await Bun.file(join("/proc", String(pid), "fd/0")).json();
}
