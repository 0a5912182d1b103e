import { expect, test } from "bun:test";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { missingFrom, openLedger, startLoad } from "../harness/loader.ts";
import { accepts, childrenOf } from "../harness/machine.ts";
import { EXIT } from "../harness/promises.ts";
import { loginRaw, testKey } from "../harness/raw-nats.ts";
import { spawnUnibus } from "../harness/spawned.ts";
import { isGone, type RunningUnibus, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const OPERATIONS_MIN = 100;
const KILL_TIMEOUT_MS = 30 * 60_000;

/** Kills a node, and its nats-server too if that is asked; answers how long nats-server outlived it. */
async function kill(unibus: RunningUnibus, both: boolean): Promise<number> {
  const [natsServer = 0] = childrenOf(unibus.pid);
  const killedAt = performance.now();
  if (both) process.kill(natsServer, "SIGKILL");
  process.kill(unibus.pid, "SIGKILL");
  await eventually(async () => (await isGone(natsServer)) && !(await accepts(unibus.natsPort)), {
    timeoutMs: 1_000,
    everyMs: 2,
    what: "nats-server to be gone",
  });
  return performance.now() - killedAt;
}

/** Lines that a start in good order does not have. */
function complaints(unibus: RunningUnibus): readonly string[] {
  return unibus.log.filter(({ level }) => level !== "info").map(({ message }) => message);
}

test(
  "a node that is killed comes back with everything that it acknowledged, and its nats-server dies with it",
  async () => {
    using folder = temporaryFolder();
    const ledger = openLedger();
    const revoked = testKey();
    const admitted = testKey();
    const kills = count("node-kills");
    const goneMs: number[] = [];
    const readyMs: number[] = [];
    let ports: readonly string[] = [];

    const start = async (): Promise<RunningUnibus> => {
      const startedAt = performance.now();
      const unibus = await startUnibus({ dataDir: folder.path, args: ports });
      readyMs.push(performance.now() - startedAt);
      return unibus;
    };

    for (let round = 0; round < kills; round++) {
      await using unibus = await start();
      if (round === 0) {
        // The same ports each time: what still held one would be in the way.
        const httpPort = new URL(unibus.httpUrl).port;
        ports = ["--nats-port", `${unibus.natsPort}`, "--http-port", httpPort];
        for (const { user } of [revoked, admitted]) await unibus.ask("POST", "/v1/users", { user });
        await unibus.ask("POST", `/v1/users/${revoked.user}/revoke`);
      }
      expect(complaints(unibus)).toEqual([]);
      expect(await missingFrom(unibus, ledger)).toEqual([]);
      const load = startLoad(unibus, ledger);
      await load.acknowledges(OPERATIONS_MIN + Math.floor(Math.random() * 50));
      goneMs.push(await kill(unibus, round % 2 === 1));
      await load.stop();
    }

    await using unibus = await start();
    expect(complaints(unibus)).toEqual([]);
    expect(ledger.refusals).toEqual([]);
    expect(ledger.acknowledged).toBeGreaterThanOrEqual(kills * OPERATIONS_MIN);
    expect(await missingFrom(unibus, ledger)).toEqual([]);
    using letIn = await loginRaw(unibus.natsPort, admitted);
    expect(letIn.closed).toBe(false);
    using refused = await loginRaw(unibus.natsPort, revoked);
    expect(refused.closed).toBe(true);
    expect(await unibus.end()).toBe(EXIT.done);
    recordProof("a killed node loses nothing that it acknowledged", {
      kills,
      acknowledged: ledger.acknowledged,
      lost: 0,
      "starts refused": 0,
      "nats-server gone after, ms at most": Math.ceil(Math.max(...goneMs)),
      "ready again after, ms at most": Math.ceil(Math.max(...readyMs)),
    });
  },
  KILL_TIMEOUT_MS,
);

test(
  "a node that is killed at any moment of its start leaves nothing running, and the next start is clean",
  async () => {
    using folder = temporaryFolder();
    const kills = count("start-kills");
    for (let round = 0; round < kills; round++) {
      const delayMs = Math.random() * 160;
      const ports = ["--http-port", "0", "--nats-port", "0"];
      await using unibus = spawnUnibus(["serve", "--data-dir", folder.path, ...ports]);
      const children = new Set<number>();
      const startedAt = performance.now();
      await eventually(
        () => {
          for (const child of childrenOf(unibus.pid)) children.add(child);
          return performance.now() - startedAt >= delayMs;
        },
        { everyMs: 1 },
      );
      for (const child of childrenOf(unibus.pid)) children.add(child);
      unibus.kill("SIGKILL");
      await unibus.ended();
      for (const child of children) {
        await eventually(() => isGone(child), { timeoutMs: 1_000, what: `${child} to be gone` });
      }
    }
    await using unibus = await startUnibus({ dataDir: folder.path });
    expect(complaints(unibus)).toEqual([]);
    recordProof("a node killed while it starts leaves nothing running", {
      ...{ kills, left: 0 },
      "starts refused": 0,
    });
  },
  KILL_TIMEOUT_MS,
);
