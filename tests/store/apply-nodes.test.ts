// Tries src/store/apply-nodes.ts and src/core/rules/nodes.ts, through the write path.
import { describe, expect, test } from "bun:test";
import {
  NODE_TOKEN_KEPT_MS,
  NODE_TOKEN_LIFE_MS_MAX,
  NODE_TOKENS_OPEN_MAX,
  NODE_URL_CHARS_MAX,
  NODE_URLS_MAX,
  NODES_MAX,
} from "../../src/core/limits.ts";
import { isNode } from "../../src/core/rules/nodes.ts";
import { findNodeToken, listNodes } from "../../src/store/nodes.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import {
  anOperation,
  anonymous,
  asToken,
  asUser,
  NOW,
  openTestBus,
  type TestBus,
  tokenCreate,
} from "../harness/builders.ts";
import { aNodeToken, nodeAnnounced, nodeJoined, nodeToken } from "../harness/node-builders.ts";

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
    const untold = { clientUrls: [], apiUrls: [], version: null, level: null, announcedAt: null };
    expect(listNodes(bus.store)).toEqual([
      { ...record, ...untold, joinedAt: NOW, removedAt: null },
    ]);
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

describe("a node that tells of itself", () => {
  const find = (bus: TestBus, name: string) =>
    listNodes(bus.store).find(({ node }) => node === name);

  test("is recorded as it says, with or without a token, and keeps when it joined", async () => {
    using bus = openTestBus();
    await bus.must(nodeToken("one"));
    await bus.must(nodeJoined("one"));
    const announced = nodeAnnounced("north", { route: null, format: 2 });
    await bus.must(announced);
    const { kind: _, format: level, ...told } = announced;
    const route = nodeJoined("one").route;
    expect(find(bus, "north")).toEqual({
      ...{ ...told, level },
      ...{ route, joinedAt: NOW, announcedAt: NOW, removedAt: null },
    });
    await bus.must(nodeAnnounced("n1"));
    expect(find(bus, "n1")?.joinedAt).toBeNull();
    const certificate = "5e".repeat(32);
    await bus.must(nodeAnnounced("n1", { certificate }));
    expect(find(bus, "n1")?.certificate).toBe(certificate);
    expect(verifyJournal(bus.store).entries).toBe(5);
    expect(await bus.try(nodeJoined("two", { node: "n1" }))).toBe("node-token-wrong");
    await bus.must(nodeToken("two"));
    expect(await bus.try(nodeJoined("two", { node: "n1" }))).toBe("node-name-taken");
  });

  test("is the operator of its own machine: no user says so, nor a token", async () => {
    using bus = openTestBus();
    const admin = await bus.addUser("admin");
    for (const actor of [anonymous, asUser(admin)]) {
      expect(await bus.try(nodeAnnounced("n1"), actor)).toBe("forbidden");
    }
    expect(listNodes(bus.store)).toEqual([]);
  });

  test("is one of as many as may be recorded", async () => {
    using bus = openTestBus();
    for (let made = 0; made < NODES_MAX; made++) await bus.must(nodeAnnounced(`n${made}`));
    expect(await bus.try(nodeAnnounced("late"))).toBe("node-tokens-full");
    expect(await bus.try(nodeAnnounced("n7", { version: "0.2.0" }))).toBe("applied");
  }, 30_000);

  const url = (chars: number): string => `nats://${"a".repeat(chars - "nats://".length)}`;
  test.each([
    { node: "" },
    { route: "nowhere" },
    { clientUrls: ["http://10.0.0.3:4250"] },
    { clientUrls: ["nats://user:password@10.0.0.3:4250"] },
    { clientUrls: ["nats://10.0.0.3:4250/path"] },
    { clientUrls: [url(NODE_URL_CHARS_MAX + 1)] },
    { clientUrls: Array.from({ length: NODE_URLS_MAX + 1 }, (_, at) => `nats://h${at}`) },
    { apiUrls: ["nats://10.0.0.3:8470"] },
    { apiUrls: ["https://10.0.0.3:8470/v1"] },
    { version: "" },
    { version: "0.1.0\n" },
    { version: "1".repeat(65) },
    { format: 0 },
    { certificate: "4f" },
    { certificateEndsAt: -1 },
  ])("is of the right shape: %j is not", async (more) => {
    using bus = openTestBus();
    const code = { code: "request-invalid" };
    await expect(bus.try(nodeAnnounced("n1", more))).rejects.toMatchObject(code);
    expect(await bus.try(nodeAnnounced("n1", { clientUrls: [url(NODE_URL_CHARS_MAX)] }))).toBe(
      "applied",
    );
  });
});

describe("a node that is removed", () => {
  async function threeNodes(): Promise<TestBus> {
    const bus = openTestBus();
    for (const node of ["n1", "n2", "n3"]) await bus.must(nodeAnnounced(node));
    return bus;
  }
  const removal = { kind: "node.removed", node: "n3" } as const;

  test("is out for good: it tells nothing more, and nobody joins under its name", async () => {
    using bus = await threeNodes();
    await bus.must(removal);
    expect(
      listNodes(bus.store)
        .filter(isNode)
        .map(({ node }) => node),
    ).toEqual(["n1", "n2"]);
    const before = bus.rows();
    expect(await bus.try(removal)).toBe("node-removed");
    expect(await bus.try(nodeAnnounced("n3"))).toBe("node-removed");
    await bus.must(nodeToken("one"));
    const { outcome } = await bus.commit(nodeJoined("one", { node: "n3" }));
    expect(outcome).toMatchObject({
      refusal: { code: "node-name-taken", detail: expect.stringContaining("names are used once") },
    });
    await bus.must(nodeJoined("one", { node: "n4" }));
    expect(before).toContain('"node":"n3"');
    expect(verifyJournal(bus.store).entries).toBe(9);
  });

  test("leaves two that were there: one that joined and never came counts for nothing", async () => {
    using bus = await threeNodes();
    expect(await bus.try({ kind: "node.removed", node: "n9" })).toBe("node-not-found");
    await bus.must(removal);
    await bus.must(nodeToken("one"));
    await bus.must(nodeJoined("one"));
    expect(await bus.try({ kind: "node.removed", node: "n2" })).toBe("cluster-refused");
    expect(await bus.try({ kind: "node.removed", node: "north" })).toBe("applied");
    expect(await bus.try({ kind: "node.removed", node: "n2" })).toBe("cluster-refused");
  });

  test("is removed by the operator or an admin with their key, and by nobody else", async () => {
    using bus = await threeNodes();
    const [user, admin] = [await bus.addUser(), await bus.addUser("admin")];
    const made = tokenCreate(admin, { scope: "admin", expiresAt: NOW + 60_000 });
    await bus.must(made, asUser(admin));
    for (const actor of [anonymous, asUser(user), asToken(admin, made.token)]) {
      expect(await bus.try(removal, actor)).toBe("forbidden");
    }
    expect(await bus.try(removal, asUser(admin))).toBe("applied");
  });

  test("has a name of a node's form", async () => {
    using bus = openTestBus();
    await expect(bus.try({ kind: "node.removed", node: "a b" })).rejects.toMatchObject({
      code: "request-invalid",
    });
  });
});
