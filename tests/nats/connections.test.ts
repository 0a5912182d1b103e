import { afterAll, beforeAll, expect, test } from "bun:test";
import { isOpenConnection, listOpenConnections } from "../../src/nats/connections.ts";
import { startTestDataPlane, type TestDataPlane } from "../harness/data-plane.ts";
import { loginRaw, type RawNats, testKey } from "../harness/raw-nats.ts";

/** More than fit on one page of a list with subscriptions. */
const CLIENTS = 70;
let plane: TestDataPlane;
let clients: readonly RawNats[];

beforeAll(async () => {
  plane = await startTestDataPlane({ mode: "soft" });
  clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => loginRaw(plane.port, testKey())),
  );
  for (const client of clients) {
    client.subscribe("rm.plain.>", "1");
    client.subscribe("rm.queued.>", "2", "workers");
    await client.drain();
  }
});
afterAll(() => plane[Symbol.asyncDispose]());

test("all open connections are listed, over several pages, each once, with its subscriptions", async () => {
  const { system } = plane.connections;
  const open = await listOpenConnections(system, { withSubscriptions: true });
  const users = open.filter(({ account }) => account === "APP");
  // The service's own connection is one of the account, and listens to nothing yet.
  expect(users).toHaveLength(CLIENTS + 1);
  expect(new Set(open.map(({ connection }) => connection)).size).toBe(open.length);
  const byNumber = new Map(open.map((row) => [row.connection, row]));
  for (const { info } of clients) {
    expect(byNumber.get(info.client_id ?? 0)?.subscriptions.toSorted(bySubject)).toEqual([
      { subject: "rm.plain.>", queue: "" },
      { subject: "rm.queued.>", queue: "workers" },
    ]);
  }
});

function bySubject(one: { readonly subject: string }, other: { readonly subject: string }): number {
  return one.subject < other.subject ? -1 : 1;
}

test("subscriptions are left out where nobody asks for them", async () => {
  const open = await listOpenConnections(plane.connections.system, { withSubscriptions: false });
  expect(open.length).toBeGreaterThan(CLIENTS);
  expect(open.flatMap(({ subscriptions }) => subscriptions)).toEqual([]);
});

test("whether one connection is open is asked of nats-server itself", async () => {
  const { system } = plane.connections;
  const [client] = clients;
  expect(await isOpenConnection(system, client?.info.client_id ?? 0)).toBe(true);
  expect(await isOpenConnection(system, 999_999)).toBe(false);
});
