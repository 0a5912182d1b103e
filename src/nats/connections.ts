import type { NatsConnection } from "@nats-io/transport-node";
import { NATS_CONNECTIONS_MAX } from "../core/limits.ts";

/** One open connection of users, as nats-server lists it. */
export interface OpenConnection {
  readonly connection: number;
  /** "" as long as its login is not answered. */
  readonly account: string;
  /** The name of the user JWT that admitted it, or what its client says as long as nothing did. */
  readonly user: string;
  /** The client library, as it calls itself; "" when it does not. */
  readonly library: string;
  readonly subscriptions: readonly OpenSubscription[];
}

/** As much of it as tells whether its login is answered, and what happens when it is closed. */
export type UnansweredConnection = Pick<OpenConnection, "connection" | "account" | "library">;

interface OpenSubscription {
  readonly subject: string;
  /** The queue group, or "" outside of any. */
  readonly queue: string;
}

/** What asks nats-server: a connection of the system account. */
export type SystemConnection = Pick<NatsConnection, "info" | "request">;

/** Rows that nats-server gives in one answer. */
const PAGE_ROWS = 1_024;
/** Fewer where each brings its subscriptions: an answer must not be more than may wait for us. */
const PAGE_ROWS_WITH_SUBSCRIPTIONS = 64;
const ANSWER_TIMEOUT_MS = 5_000;

/** What nats.js calls itself over TCP and over WebSocket. */
const NATS_JS = new Set(["nats.js", "nats.ws"]);

/**
 * Says whether a client that is closed while it waits for its login comes back at once. Those of
 * nats.js wait then for a longer time-out of their own: they are better left to nats-server's. Who has
 * not said what it is has not asked yet.
 * Source: `protocol.ts` of @nats-io/nats-core (`dial` and `disconnected` wait for each other).
 */
export function isComingBack({ library }: Pick<OpenConnection, "library">): boolean {
  return library !== "" && !NATS_JS.has(library);
}

/**
 * Lists the open connections of nats-server, with their subscriptions when asked. It comes in pages:
 * of a connection that closes between two of them another may be left out.
 * Source: nats-server `server/monitor.go` (`Connz`), asked through the system account.
 */
export async function listOpenConnections(
  system: SystemConnection,
  options: { readonly withSubscriptions: boolean },
): Promise<readonly OpenConnection[]> {
  const { withSubscriptions } = options;
  const limit = withSubscriptions ? PAGE_ROWS_WITH_SUBSCRIPTIONS : PAGE_ROWS;
  const open: OpenConnection[] = [];
  for (let offset = 0; offset < NATS_CONNECTIONS_MAX; offset += limit) {
    const query = { auth: true, subscriptions_detail: withSubscriptions, limit, offset };
    const rows = await askForRows(system, query);
    open.push(...rows.map(readRow));
    if (rows.length < limit) break;
  }
  return open;
}

/** Says whether nats-server has this connection open now. */
export async function isOpenConnection(
  system: SystemConnection,
  connection: number,
): Promise<boolean> {
  const rows = await askForRows(system, { cid: connection });
  return rows.some((row) => row.cid === connection);
}

async function askForRows(system: SystemConnection, query: object): Promise<readonly Row[]> {
  if (!system.info) throw new Error("the connection to nats-server is being made anew");
  const subject = `$SYS.REQ.SERVER.${system.info.server_id}.CONNZ`;
  const answer = await system.request(subject, JSON.stringify(query), {
    timeout: ANSWER_TIMEOUT_MS,
  });
  return rowsOf(answer.json());
}

/** What one row of CONNZ may hold; everything is optional, for another server may leave it out. */
interface Row {
  readonly cid?: unknown;
  readonly account?: unknown;
  readonly authorized_user?: unknown;
  readonly lang?: unknown;
  readonly subscriptions_list_detail?: unknown;
}

function rowsOf(answer: unknown): readonly Row[] {
  if (typeof answer !== "object" || answer === null || !("data" in answer)) return [];
  const { data } = answer;
  if (typeof data !== "object" || data === null || !("connections" in data)) return [];
  return Array.isArray(data.connections) ? data.connections : [];
}

function readRow(row: Row): OpenConnection {
  const listed = row.subscriptions_list_detail;
  return {
    connection: typeof row.cid === "number" ? row.cid : 0,
    account: typeof row.account === "string" ? row.account : "",
    user: typeof row.authorized_user === "string" ? row.authorized_user : "",
    library: typeof row.lang === "string" ? row.lang : "",
    subscriptions: Array.isArray(listed) ? listed.flatMap(readSubscription) : [],
  };
}

function readSubscription(listed: unknown): readonly OpenSubscription[] {
  if (typeof listed !== "object" || listed === null || !("subject" in listed)) return [];
  const queue = "qgroup" in listed && typeof listed.qgroup === "string" ? listed.qgroup : "";
  return typeof listed.subject === "string" ? [{ subject: listed.subject, queue }] : [];
}
