import { expect } from "bun:test";
import type { Cluster, ClusterNode } from "./cluster.ts";
import { addUser, loginAt } from "./cluster-scene.ts";
import { proving } from "./counts.ts";
import { eventually } from "./eventually.ts";
import { loginRaw, type RawNats, type TestKey } from "./raw-nats.ts";

/** The smallest STALE_MAX that leaves a leader time to hear its peers, and an answer or two to be lost. */
export const STALE_MAX_S = 6;
export const STALE_MAX_MS = STALE_MAX_S * 1_000;
/**
 * How long nats-server may take to close whom it is told to. Where tests run beside each other on few
 * processors, a timer alone may be later than that.
 */
export const CLOSING_MS = proving ? 250 : 2_000;

export interface AtThird {
  readonly key: TestKey;
  readonly client: RawNats;
}

/** Somebody at the third node, who is to be out when it knows nothing new. */
export async function openAtThird(cluster: Cluster): Promise<AtThird> {
  const key = await addUser(cluster);
  const client = await loginAt(cluster, 2, key);
  return { key, client };
}

/** Waits until a node has closed a client and answers nobody, and tells how long that took. */
export async function untilClosed(
  node: ClusterNode,
  parts: AtThird & { readonly from: number },
): Promise<number> {
  const { client, key, from } = parts;
  await eventually(() => client.closed, { timeoutMs: STALE_MAX_MS + 10_000, everyMs: 5 });
  expect(await statusOf(node)).toBe("503 not-ready");
  using again = await loginRaw(node.unibus.natsPort, key);
  expect(again.closed).toBeTrue();
  expect((await fetch(`${node.unibus.httpUrl}/readyz`)).status).toBe(503);
  expect((await fetch(`${node.unibus.httpUrl}/healthz`)).status).toBe(200);
  return Math.round(client.closedAt - from);
}

export async function statusOf({ unibus }: ClusterNode): Promise<string> {
  const answer = await unibus.api("GET", "/v1/users");
  const { code = "" } = (await answer.json()) as { readonly code?: string };
  return `${answer.status} ${code}`;
}

export async function comesBack(node: ClusterNode, key: TestKey): Promise<void> {
  await eventually(
    async () => {
      using client = await loginRaw(node.unibus.natsPort, key);
      return !client.closed;
    },
    { timeoutMs: 20_000, everyMs: 200, what: `${node.name} to admit clients again` },
  );
  expect((await node.unibus.api("GET", "/v1/users")).status).toBe(200);
}
