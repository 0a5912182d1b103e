import type { NatsConnection } from "@nats-io/transport-node";

/** One open connection of users, as nats-server lists it. */
export interface OpenConnection {
  readonly connection: number;
  readonly account: string;
  readonly subscriptions: readonly string[];
}

/** Rows that nats-server gives in one answer. */
const PAGE_ROWS = 1_024;
const PAGES_MAX = 256;

/**
 * Lists the open connections of nats-server, with their subscriptions when asked.
 * Source: nats-server `server/monitor.go` (`Connz`), asked through the system account.
 */
export async function listOpenConnections(
  system: NatsConnection,
  options: { readonly withSubscriptions: boolean },
): Promise<readonly OpenConnection[]> {
  const open: OpenConnection[] = [];
  const subject = `$SYS.REQ.SERVER.${system.info?.server_id ?? ""}.CONNZ`;
  for (let page = 0; page < PAGES_MAX; page++) {
    const query = {
      auth: true,
      subscriptions: options.withSubscriptions,
      limit: PAGE_ROWS,
      offset: page * PAGE_ROWS,
    };
    const answer = await system.request(subject, JSON.stringify(query), { timeout: 5_000 });
    const rows = rowsOf(answer.json());
    open.push(...rows.map(readRow));
    if (rows.length < PAGE_ROWS) return open;
  }
  return open;
}

/** What one row of CONNZ may hold; everything is optional, for another server may leave it out. */
interface Row {
  readonly cid?: unknown;
  readonly account?: unknown;
  readonly subscriptions_list?: unknown;
}

function rowsOf(answer: unknown): readonly Row[] {
  if (typeof answer !== "object" || answer === null || !("data" in answer)) return [];
  const { data } = answer;
  if (typeof data !== "object" || data === null || !("connections" in data)) return [];
  return Array.isArray(data.connections) ? data.connections : [];
}

function readRow(row: Row): OpenConnection {
  const subjects = Array.isArray(row.subscriptions_list) ? row.subscriptions_list : [];
  return {
    connection: typeof row.cid === "number" ? row.cid : 0,
    account: typeof row.account === "string" ? row.account : "",
    subscriptions: subjects.filter((subject) => typeof subject === "string"),
  };
}
