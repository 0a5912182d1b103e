// Tries user.revoke of src/store/apply-users.ts against a user that replaces its key, on a whole node.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Callers, openCallers } from "../harness/callers.ts";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { loginRaw } from "../harness/raw-nats.ts";
import { REVOKED_BY, rotateAgainstRevocation } from "../harness/rotation.ts";
import { type Scene, startScene } from "../harness/scene.ts";

let scene: Scene;
let callers: Callers;
beforeAll(async () => {
  scene = await startScene();
  callers = await openCallers(scene.unibus);
});
afterAll(() => scene[Symbol.asyncDispose]());

test("a user that replaces its key meanwhile is out after its revocation, by whichever name [M-013]", async () => {
  const rounds = count("rotations");
  let replaced = 0;
  let revokedMeanwhile = 0;
  for (let round = 0; round < rounds; round++) {
    const { keys, connections, told } = await rotateAgainstRevocation({
      ...{ own: callers, others: callers, natsPort: scene.port, name: `mallory ${round}` },
      by: REVOKED_BY[round % REVOKED_BY.length] ?? "name",
      // From before the first replacement to after the last one.
      afterMs: (round % 10) * 3,
      known: async () => undefined,
    });
    expect(told).toBe("200");
    replaced += keys.length - 1;
    if (keys.length <= 5) revokedMeanwhile++;
    await eventually(() => connections.every(({ closed }) => closed), {
      ...{ everyMs: 1, what: "every connection of every key to be closed" },
    });
    for (const key of keys) {
      using again = await loginRaw(scene.port, key);
      expect(again.closed).toBe(true);
      const { state } = await scene.unibus.ask<{ state: string }>("GET", `/v1/users/${key.user}`);
      expect(state).toBe("revoked");
    }
    for (const connection of connections) connection[Symbol.dispose]();
  }
  expect(replaced).toBeGreaterThan(rounds / 2);
  recordProof("rotation of keys against revocation", { rounds, replaced, revokedMeanwhile });
});
