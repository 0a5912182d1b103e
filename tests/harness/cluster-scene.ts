import type { Health } from "../../src/contract/health.ts";
import { type Cluster, logsOf } from "./cluster.ts";
import { eventually } from "./eventually.ts";
import { loginRaw, type RawNats, type TestKey, testKey } from "./raw-nats.ts";

/** Runs what a test does with a cluster; when it fails, the nodes' logs stand in the error. */
export async function withLogs<T>(cluster: Cluster, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new Error(logsOf(cluster), { cause: error });
  }
}

/** Admits a new user by a node, and waits until every node that runs knows them. */
export async function addUser(cluster: Cluster, index = 0): Promise<TestKey> {
  const key = testKey();
  await cluster.node(index).unibus.ask("POST", "/v1/users", { user: key.user });
  await known(cluster, key);
  return key;
}

export async function known(cluster: Cluster, { user }: TestKey): Promise<void> {
  const running = cluster.nodes.filter((node) => node.running);
  await eventually(
    async () => {
      const answers = await Promise.all(
        running.map(({ unibus }) => unibus.api("GET", `/v1/users/${user}`)),
      );
      return answers.every(({ ok }) => ok);
    },
    { timeoutMs: 20_000, everyMs: 2, what: `${user} to be known everywhere` },
  );
}

/** Logs in at a node and demands to be let in. */
export async function loginAt(cluster: Cluster, index: number, key: TestKey): Promise<RawNats> {
  const client = await loginRaw(cluster.node(index).unibus.natsPort, key);
  if (client.closed) throw new Error(`n${index + 1} refused: ${client.errors.join()}`);
  return client;
}

/** The bus that each node that runs says it is of. */
export async function busesOf(cluster: Cluster): Promise<readonly string[]> {
  const running = cluster.nodes.filter((node) => node.running);
  const all = await Promise.all(running.map((node) => node.health()));
  return [...new Set(all.map(({ bus }: Health) => bus))];
}
