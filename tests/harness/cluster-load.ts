import { createHash, randomInt } from "node:crypto";
import type { Cluster, ClusterNode } from "./cluster.ts";
import { eventually } from "./eventually.ts";
import { createRandom } from "./random.ts";
import { testKey } from "./raw-nats.ts";

/** One request as whoever sent it saw it. */
export interface SentRequest {
  /** Its Idempotency-Key; a repeat has the one of the first. */
  readonly key: string;
  readonly node: string;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  /** Null when there was no answer. */
  readonly status: number | null;
  /** The code of the problem; "" for none. */
  readonly code: string;
  /** The number of the entry that the answer names; null for none. */
  readonly seq: number | null;
  /** In ms since the load began. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** Mixed operations of all nodes, which go on until they are ended. */
export interface ClusterLoad {
  readonly seed: number;
  readonly history: readonly SentRequest[];
  acknowledged(): number;
  /** In ms since the load began. */
  now(): number;
  /** Waits until so many more are acknowledged. */
  more(wanted: number, timeoutMs?: number): Promise<void>;
  /** The longest time between two acknowledgements since a moment, and until now. */
  gapSince(from: number): number;
  /** How many a second were acknowledged since a moment. */
  rateSince(from: number): number;
  end(): Promise<readonly SentRequest[]>;
}

interface Asking {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

/** Longer than a node may take to say that it does not know. */
const ANSWER_TIMEOUT_MS = 16_000;
/** How long somebody waits who was refused. */
const REFUSED_WAIT_MS = 50;

export function isAcknowledged({ status }: SentRequest): boolean {
  return status !== null && status >= 200 && status < 300;
}

/** True when nobody can say by the answer whether it was recorded. */
export function isUnknown({ status, code }: SentRequest): boolean {
  return status === null || code === "outcome-unknown";
}

/**
 * Changes users, rooms, members and invites at all nodes at once, `inFlight` at a time at each. What
 * has an outcome that nobody knows is repeated at the next node, with the same Idempotency-Key.
 */
export function startClusterLoad(
  cluster: Cluster,
  options: {
    readonly perSecond?: number;
    readonly inFlight?: number;
    readonly seed?: number;
    /** How many operations there are at all. */
    readonly operations?: number;
  } = {},
): ClusterLoad {
  const { perSecond = 100, inFlight = 4, seed = randomInt(2 ** 31) } = options;
  const { operations = Number.POSITIVE_INFINITY } = options;
  const startedAt = performance.now();
  const now = (): number => performance.now() - startedAt;
  const history: SentRequest[] = [];
  const acknowledgedAt: number[] = [];
  const choose = createChooser(seed);
  const periodMs = (cluster.nodes.length * inFlight * 1_000) / perSecond;
  let ended = false;
  let begun = 0;

  async function send(node: ClusterNode, asking: Asking, key: string): Promise<SentRequest> {
    const sentAt = now();
    const answer = await ask(node, asking, key);
    const { method, path, body = null } = asking;
    const answeredAt = now();
    const sent = { key, node: node.name, method, path, body, ...answer, sentAt, answeredAt };
    history.push(sent);
    if (isAcknowledged(sent)) {
      acknowledgedAt.push(answeredAt);
      choose.learn(sent, answer.json);
    }
    return sent;
  }
  async function work(index: number): Promise<void> {
    let dueAt = now();
    while (!ended && begun < operations) {
      const number = begun++;
      const key = `${seed}-${number}`;
      const asking = choose.next(number);
      let sent = await send(cluster.node(index), asking, key);
      for (let at = index + 1; isUnknown(sent) && at < index + cluster.nodes.length; at++) {
        sent = await send(cluster.node(at % cluster.nodes.length), asking, key);
      }
      if (!isAcknowledged(sent)) await Bun.sleep(REFUSED_WAIT_MS);
      dueAt = Math.max(dueAt + periodMs, now());
      await Bun.sleep(dueAt - now());
    }
  }
  const running = Promise.all(
    cluster.nodes.flatMap((_, index) => Array.from({ length: inFlight }, () => work(index))),
  );
  const acknowledged = (): number => acknowledgedAt.length;
  return {
    seed,
    history,
    acknowledged,
    now,
    async more(wanted, timeoutMs = 40_000) {
      const from = acknowledged();
      await eventually(() => acknowledged() >= from + wanted, {
        ...{ timeoutMs, everyMs: 20, what: `${wanted} more acknowledged operations` },
      });
    },
    gapSince(from) {
      const times = [from, ...acknowledgedAt.filter((at) => at > from), now()];
      return Math.round(Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at))));
    },
    rateSince(from) {
      const count = acknowledgedAt.filter((at) => at > from).length;
      return Math.round((count * 1_000) / (now() - from));
    },
    async end() {
      ended = Number.isFinite(operations) ? ended : true;
      await running;
      return history;
    },
  };
}

interface Answer extends Pick<SentRequest, "status" | "code" | "seq"> {
  readonly json: unknown;
}

/** Asks a node as its operator; one that is down, or frozen, answers nothing. */
async function ask(
  { dataDir }: ClusterNode,
  { method, path, body }: Asking,
  key: string,
): Promise<Answer> {
  try {
    const response = await fetch(`http://localhost${path}`, {
      unix: `${dataDir}/unibus.sock`,
      method,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      headers: {
        "idempotency-key": key,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === "" ? null : JSON.parse(text);
    const seq = response.headers.get("unibus-seq");
    return {
      status: response.status,
      code: textAt(json, "code") ?? "",
      seq: seq === null ? null : Number(seq),
      json,
    };
  } catch {
    return { status: null, code: "", seq: null, json: null };
  }
}

/** Chooses what is asked next, of what is known to be there. */
function createChooser(seed: number) {
  const random = createRandom(seed);
  const users: string[] = [];
  const rooms: string[] = [];
  const invites: string[] = [];
  const pick = (from: readonly string[]): string | undefined =>
    from[Math.floor(random() * from.length)];
  const addUser = (number: number): Asking => {
    const seedOfKey = createHash("sha256").update(`${seed} ${number}`).digest();
    return { method: "POST", path: "/v1/users", body: { user: testKey(seedOfKey).user } };
  };
  const ofUser = (how: "revoke" | "restore", number: number): Asking => {
    const user = pick(users);
    return user ? { method: "POST", path: `/v1/users/${user}/${how}` } : addUser(number);
  };
  const makeRoom = (number: number): Asking => ({
    ...{ method: "POST", path: "/v1/rooms", body: { name: `room ${number}` } },
  });
  const ofMember = (number: number, body?: unknown): Asking => {
    const [room, user] = [pick(rooms), pick(users)];
    if (!room || !user) return makeRoom(number);
    const path = `/v1/rooms/${room}/members/${user}`;
    return body === undefined ? { method: "DELETE", path } : { method: "PUT", path, body };
  };
  const kinds: readonly (readonly [weight: number, make: (number: number) => Asking])[] = [
    [5, addUser],
    [1, (number) => ofUser("revoke", number)],
    [1, (number) => ofUser("restore", number)],
    [2, makeRoom],
    [5, (number) => ofMember(number, { role: random() < 0.5 ? "member" : "reader" })],
    [1, (number) => ofMember(number)],
    [1, (number) => renameRoom(number)],
    [1, () => ({ method: "POST", path: "/v1/invites", body: { lifeSeconds: 3_600 } })],
    [1, (number) => endInvite(number)],
  ];
  function renameRoom(number: number): Asking {
    const room = pick(rooms);
    if (!room) return makeRoom(number);
    return { method: "PATCH", path: `/v1/rooms/${room}`, body: { name: `renamed ${number}` } };
  }
  function endInvite(number: number): Asking {
    const invite = pick(invites);
    return invite ? { method: "DELETE", path: `/v1/invites/${invite}` } : addUser(number);
  }
  const makers = kinds.flatMap(([weight, make]) => Array.from({ length: weight }, () => make));
  return {
    next(number: number): Asking {
      const make = makers[Math.floor(random() * makers.length)] ?? addUser;
      return make(number);
    },
    learn({ method, path }: SentRequest, json: unknown): void {
      if (method !== "POST") return;
      if (path === "/v1/users") users.push(textAt(json, "user") ?? "");
      if (path === "/v1/rooms") rooms.push(textAt(json, "room") ?? "");
      if (path === "/v1/invites") invites.push(textAt(json, "invite") ?? "");
    },
  };
}

function textAt(value: unknown, name: string): string | null {
  if (typeof value !== "object" || value === null) return null;
  const found: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
  return typeof found === "string" ? found : null;
}
