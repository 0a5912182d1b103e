import { NATS_CONNECTIONS_MAX } from "../core/limits.ts";
import { APP_ACCOUNT } from "../core/nats-config.ts";
import { objectOf, parseObject } from "../core/objects.ts";
import type { SystemConnection } from "./connections.ts";

/** A connection of the users' account, as any nats-server of the cluster lists it. */
export interface UserConnection {
  readonly connection: number;
  /** The key that was proved when it was opened. */
  readonly user: string;
}

type Requesting = Pick<SystemConnection, "request">;

const PAGE_ROWS = 1_024;
const ANSWER_TIMEOUT_MS = 2_000;

/**
 * Lists connections of the users' account at one server of the cluster; those of one user, if it is
 * named. Throws when the server does not answer.
 * Source: nats-server `server/monitor.go` (`Connz`: `acc`, `user`), asked through the system account.
 */
export async function listUsersAt(
  system: Requesting,
  { server, user }: { readonly server: string; readonly user: string | null },
): Promise<readonly UserConnection[]> {
  const all: UserConnection[] = [];
  for (let offset = 0; offset < NATS_CONNECTIONS_MAX; offset += PAGE_ROWS) {
    const one = user === null ? {} : { user };
    const query = { auth: true, acc: APP_ACCOUNT, ...one, limit: PAGE_ROWS, offset };
    const rows = rowsOf(await ask(system, `${server}.CONNZ`, query));
    all.push(...rows.flatMap(readRow));
    if (rows.length < PAGE_ROWS) break;
  }
  return all;
}

/** Closes a connection at one server of the cluster. Throws when the server does not answer. */
export async function closeAt(
  system: Requesting,
  { server, connection }: { readonly server: string; readonly connection: number },
): Promise<void> {
  await ask(system, `${server}.KICK`, { cid: connection });
}

/** Says whether a server of the cluster answers now. */
export async function answersNow(
  system: Requesting,
  { server, withinMs }: { readonly server: string; readonly withinMs: number },
): Promise<boolean> {
  const subject = `$SYS.REQ.SERVER.${server}.IDZ`;
  return await system.request(subject, "", { timeout: withinMs }).then(
    () => true,
    () => false,
  );
}

async function ask(system: Requesting, what: string, query: object): Promise<string> {
  const subject = `$SYS.REQ.SERVER.${what}`;
  const answer = await system.request(subject, JSON.stringify(query), {
    timeout: ANSWER_TIMEOUT_MS,
  });
  return answer.string();
}

function rowsOf(answer: string): readonly unknown[] {
  const { connections } = objectOf(parseObject(answer).data);
  return Array.isArray(connections) ? connections : [];
}

function readRow(row: unknown): readonly UserConnection[] {
  const { cid, authorized_user: user } = objectOf(row);
  return typeof cid === "number"
    ? [{ connection: cid, user: typeof user === "string" ? user : "" }]
    : [];
}
