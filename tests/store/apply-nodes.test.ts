// Tries src/store/apply-nodes.ts and src/core/rules/nodes.ts, through the write path.
import { describe, expect, test } from "bun:test";
import {
  NODE_TOKEN_KEPT_MS,
  NODE_TOKEN_LIFE_MS_MAX,
  NODE_TOKENS_OPEN_MAX,
} from "../../src/core/limits.ts";
import { findNodeToken, listNodes } from "../../src/store/nodes.ts";
import { anOperation, anonymous, asUser, NOW, openTestBus } from "../harness/builders.ts";
import { aNodeToken, nodeJoined, nodeToken } from "../harness/node-builders.ts";

describe("making a token for a node", () => {
  test("is for admins and the local operator, once per id", async () => {
    using bus = openTestBus();
    const [user, admin] = [await bus.addUser(), await bus.addUser("admin")];
    for (const actor of [anonymous, asUser(user)]) {
      expect(await bus.try(nodeToken(), actor)).toBe("forbidden");
    }
    expect(await bus.try(nodeToken("one"), asUser(admin))).toBe("applied");
    expect(await bus.try(nodeToken("one"))).toBe("already-issued");
    expect(findNodeToken(bus.store, aNodeToken("one"))).toEqual({
      ...{ token: aNodeToken("one"), createdBy: admin, createdAt: NOW },
      ...{ expiresAt: NOW + 600_000, usedBy: null },
    });
  });

  test("is for a day at most, by the journal's time", async () => {
    using bus = openTestBus();
    const lasting = (lifeMs: number) => bus.try(nodeToken(undefined, { expiresAt: NOW + lifeMs }));
    expect(await lasting(NODE_TOKEN_LIFE_MS_MAX)).toBe("applied");
    expect(await lasting(NODE_TOKEN_LIFE_MS_MAX + 1)).toBe("request-invalid");
    expect(await lasting(0)).toBe("request-invalid");
  });

  test("ends where as many wait as may; those that expired count no more, and are forgotten later", async () => {
    using bus = openTestBus();
    for (let made = 0; made < NODE_TOKENS_OPEN_MAX; made++) {
      expect(await bus.try(nodeToken(`${made}`))).toBe("applied");
    }
    expect(await bus.try(nodeToken())).toBe("node-tokens-full");
    const later = NOW + 600_000;
    const at = later + NODE_TOKEN_KEPT_MS;
    const change = nodeToken(undefined, { expiresAt: at + 1 });
    const { outcome } = await bus.writePath.commit(anOperation(change, { at }));
    expect(outcome.status).toBe("applied");
    expect(findNodeToken(bus.store, aNodeToken("0"))).toBeNull();
  });
});

describe("a node that joins", () => {
  test("spends the token, which no other can use", async () => {
    using bus = openTestBus();
    await bus.must(nodeToken("one"));
    expect(await bus.try(nodeJoined("none"))).toBe("node-token-wrong");
    expect(await bus.try(nodeJoined("one"), anonymous)).toBe("forbidden");
    expect(await bus.try(nodeJoined("one"))).toBe("applied");
    const before = bus.rows();
    expect(await bus.try(nodeJoined("one"))).toBe("node-token-used");
    expect(await bus.try(nodeJoined("one", { node: "south" }))).toBe("node-token-used");
    expect(bus.rows()).toBe(before);
    expect(findNodeToken(bus.store, aNodeToken("one"))?.usedBy).toBe("north");
    const { kind: _, token: __, ...record } = nodeJoined("one");
    expect(listNodes(bus.store)).toEqual([{ ...record, joinedAt: NOW }]);
  });

  test("is in time, and has a name of its own", async () => {
    using bus = openTestBus();
    await bus.must(nodeToken("one"));
    await bus.must(nodeToken("two"));
    await bus.must(nodeJoined("one"));
    expect(await bus.try(nodeJoined("two"))).toBe("node-name-taken");
    const late = anOperation(nodeJoined("two", { node: "south" }), { at: NOW + 600_000 });
    const { outcome } = await bus.writePath.commit(late);
    expect(outcome).toMatchObject({ refusal: { code: "node-token-expired" } });
    expect(listNodes(bus.store)).toHaveLength(1);
  });

  test.each([
    nodeJoined("one", { node: "a name" }),
    nodeJoined("one", { route: "nats://10.0.0.3:6250" }),
    nodeJoined("one", { route: "10.0.0.3" }),
    nodeJoined("one", { certificate: "4f" }),
    nodeJoined("one", { certificateEndsAt: 0.5 }),
  ])("is of the right shape: %j is not", async (change) => {
    using bus = openTestBus();
    await bus.must(nodeToken("one"));
    await expect(bus.try(change)).rejects.toMatchObject({ code: "request-invalid" });
  });
});
