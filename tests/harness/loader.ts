import type { UserId } from "../../src/core/ids.ts";
import { eventually } from "./eventually.ts";
import { testKey } from "./raw-nats.ts";
import type { RunningUnibus } from "./unibus.ts";

/** What a node acknowledged: whatever happens to it, all of this must be there. */
export interface Ledger {
  readonly active: UserId[];
  readonly revoked: UserId[];
  readonly rooms: string[];
  readonly members: { readonly room: string; readonly user: UserId }[];
  acknowledged: number;
  /** Requests that the node answered with anything but success. */
  readonly refusals: string[];
}

export function openLedger(): Ledger {
  return { active: [], revoked: [], rooms: [], members: [], acknowledged: 0, refusals: [] };
}

/** Changes of a node that go on, several at once, until they are stopped or the node is gone. */
export interface Load {
  readonly startedAt: number;
  /** Waits until so many more were acknowledged. */
  acknowledges(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts to change users, rooms and members of a node; `perSecondMax` bounds how fast. */
export function startLoad(
  unibus: RunningUnibus,
  ledger: Ledger,
  options: { readonly inFlight?: number; readonly perSecondMax?: number } = {},
): Load {
  const { inFlight = 4, perSecondMax = Number.POSITIVE_INFINITY } = options;
  const startedAt = performance.now();
  const before = ledger.acknowledged;
  let stopped = false;

  async function ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await unibus.api(method, path, body);
    const text = await response.text();
    if (!response.ok) ledger.refusals.push(`${method} ${path}: ${response.status} ${text}`);
    ledger.acknowledged++;
    return text === "" ? null : JSON.parse(text);
  }
  async function addUser(): Promise<UserId> {
    const { user } = testKey();
    await ask("POST", "/v1/users", { user });
    return user;
  }
  const jobs: readonly (() => Promise<unknown>)[] = [
    async () => ledger.active.push(await addUser()),
    async () => {
      const made = await ask("POST", "/v1/rooms", { name: "a room" });
      if (hasRoom(made)) ledger.rooms.push(made.room);
    },
    async () => {
      const [room, user] = [pick(ledger.rooms), pick(ledger.active)];
      if (room === undefined || user === undefined) return;
      await ask("PUT", `/v1/rooms/${room}/members/${user}`, { role: "member" });
      ledger.members.push({ room, user });
    },
    async () => {
      const user = await addUser();
      await ask("POST", `/v1/users/${user}/revoke`);
      ledger.revoked.push(user);
    },
  ];
  async function work(first: number): Promise<void> {
    for (let at = first; !stopped; at++) {
      try {
        await jobs[at % jobs.length]?.();
      } catch {
        // The node is gone: what was under way is not acknowledged.
        return;
      }
      await eventually(() => {
        const allowed = ((performance.now() - startedAt) / 1000) * perSecondMax;
        return stopped || ledger.acknowledged - before <= allowed;
      });
    }
  }
  const workers = Promise.all(Array.from({ length: inFlight }, (_, at) => work(at)));
  return {
    startedAt,
    async acknowledges(count) {
      const wanted = ledger.acknowledged + count;
      await eventually(() => ledger.acknowledged >= wanted, {
        timeoutMs: 60_000,
        everyMs: 1,
        what: `${count} acknowledged operations`,
      });
    },
    async stop() {
      stopped = true;
      await workers;
    },
  };
}

function pick<T>(list: readonly T[]): T | undefined {
  return list[Math.floor(Math.random() * list.length)];
}

function hasRoom(value: unknown): value is { readonly room: string } {
  return typeof value === "object" && value !== null && "room" in value;
}

/** Says what of a ledger a node does not have as it was acknowledged; nothing when all is there. */
export async function missingFrom(
  unibus: RunningUnibus,
  ledger: Ledger,
): Promise<readonly string[]> {
  const users = new Map<string, string>();
  for (const row of await listAll<{ user: string; state: string }>(unibus, "users")) {
    users.set(row.user, row.state);
  }
  const rooms = new Set<string>();
  for (const row of await listAll<{ room: string }>(unibus, "rooms")) rooms.add(row.room);
  const members = new Set<string>();
  for (const room of new Set(ledger.members.map((member) => member.room))) {
    const path = `rooms/${room}/members`;
    for (const row of await listAll<{ user: string }>(unibus, path)) {
      members.add(`${room} ${row.user}`);
    }
  }
  return [
    ...ledger.active.filter((user) => users.get(user) !== "active"),
    ...ledger.revoked.filter((user) => users.get(user) !== "revoked"),
    ...ledger.rooms.filter((room) => !rooms.has(room)),
    ...ledger.members.map(({ room, user }) => `${room} ${user}`).filter((one) => !members.has(one)),
  ];
}

/** All pages of a list; the last word of its path is the member that holds the rows. */
async function listAll<Row>(unibus: RunningUnibus, path: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const member = path.split("/").at(-1) ?? "";
  for (let after = ""; ; ) {
    const query = after === "" ? "" : `&after=${after}`;
    const page = await unibus.ask<{ next: string | null } & Record<string, unknown>>(
      "GET",
      `/v1/${path}?limit=1000${query}`,
    );
    // The caller names the shape of the list that it asks for.
    rows.push(...(page[member] as Row[]));
    if (page.next === null) return rows;
    after = page.next;
  }
}
