import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cluster, ClusterNode } from "./cluster.ts";
import { eventually } from "./eventually.ts";

/** The process ids of a node: its own, and that of its nats-server. */
export function processesOf({ unibus }: ClusterNode): readonly number[] {
  const ready = unibus.log.findLast(({ event }) => event === "nats.ready");
  return [unibus.pid, Number(ready?.pid)];
}

/** Stops all of a node where it stands, until it is disposed: its connections stay open. */
export function freeze(...nodes: readonly ClusterNode[]): Disposable {
  return stopProcesses(nodes.flatMap(processesOf));
}

/** Stops a node's unibus alone, until it is disposed: its nats-server goes on. */
export function hang({ unibus }: ClusterNode): Disposable {
  return stopProcesses([unibus.pid]);
}

function stopProcesses(pids: readonly number[]): Disposable {
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  let frozen = true;
  return {
    [Symbol.dispose]() {
      if (frozen) for (const pid of pids) process.kill(pid, "SIGCONT");
      frozen = false;
    },
  };
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * The node whose nats-server leads the stream of the journal, by the votes that lie in the folders: whom
 * most of the nodes chose in the latest term.
 * Source: nats-server `server/raft.go` (`writeTermVote`), `server/route.go` (`getHashSize`).
 */
export async function leaderOf(cluster: Cluster): Promise<ClusterNode> {
  return await eventually(() => findLeader(cluster), { timeoutMs: 15_000, what: "a leader" });
}

function findLeader(cluster: Cluster): ClusterNode | null {
  const votes = cluster.nodes.flatMap(({ dataDir }) => votesIn(dataDir));
  const latest = Math.max(...votes.map(({ term }) => term));
  const counts = new Map<string, number>();
  for (const { term, vote } of votes) {
    if (term === latest && vote !== "") counts.set(vote, (counts.get(vote) ?? 0) + 1);
  }
  const [chosen] = [...counts].toSorted(([, one], [, other]) => other - one)[0] ?? [];
  return cluster.nodes.find(({ name }) => peerId(name) === chosen && chosen !== undefined) ?? null;
}

function votesIn(dataDir: string): readonly { readonly term: number; readonly vote: string }[] {
  const folder = join(dataDir, "jetstream");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => /\/S-R\d+F-\w+\/tav\.idx$/.test(path))
    .map((path) => {
      const bytes = readFileSync(join(folder, path));
      return { term: Number(bytes.readBigUInt64LE(0)), vote: bytes.toString("latin1", 8) };
    });
}

function peerId(name: string): string {
  const digest = createHash("sha256").update(name).digest();
  return [...digest.subarray(0, 8)].map((byte) => DIGITS[byte % DIGITS.length]).join("");
}
