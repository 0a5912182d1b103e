import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Health } from "../../src/contract/health.ts";
import { eventually } from "../harness/eventually.ts";
import { testKey } from "../harness/raw-nats.ts";
import { run, startUnibus, temporaryFolder } from "../harness/unibus.ts";

interface Users {
  readonly users: readonly { readonly user: string; readonly role: string }[];
}

describe("the first admin that a container is told", () => {
  const admin = testKey().user;

  test.each([
    ["a variable, with serve", "serve", { env: { UNIBUS_FIRST_ADMIN: admin } }],
    ["a flag, with up", "up", { args: ["--first-admin", admin] }],
  ] as const)("is made by %s, once, and no key is made", async (_how, command, given) => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    for (const starts of [1, 0]) {
      await using node = await startUnibus({ dataDir, command, ...given });
      const seeds = () => node.log.filter(({ event }) => event === "admin.seeded");
      await eventually(() => seeds().length === starts);
      const { users } = await node.ask<Users>("GET", "/v1/users");
      expect(users).toEqual([expect.objectContaining({ user: admin, role: "admin" })]);
    }
    expect(existsSync(join(dataDir, "keys"))).toBe(false);
  });

  test("takes nobody's place", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    expect((await run(["user", "seed", testKey().user, "--data-dir", dataDir])).code).toBe(0);
    await using node = await startUnibus({ dataDir, args: ["--first-admin", admin] });
    const { users } = await node.ask<Users>("GET", "/v1/users");
    expect(users.map(({ user }) => user)).not.toContain(admin);
  });

  test.each([
    ["a seed, which is not repeated", `SU${"A".repeat(56)}`],
    ["a word", "alice"],
    ["a key with one character changed", admin.replace(/.$/, (last) => (last === "A" ? "B" : "A"))],
  ])("is not %s", async (_what, key) => {
    using folder = temporaryFolder();
    const data = join(folder.path, "data");
    const args = ["serve", "--data-dir", data, "--first-admin", key, "--http-port", "0"];
    const { code, stderr } = await run(args);
    expect([code, existsSync(data)]).toEqual([2, false]);
    expect(stderr).toContain("--first-admin");
    if (key.startsWith("S")) expect(stderr).not.toContain(key);
  });
});

describe("unibus health", () => {
  test("is 0 while the node does its work, and 4 when it is gone", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    {
      await using node = await startUnibus({ dataDir });
      const { code, stdout } = await node.cli("health", "--json");
      expect([code, JSON.parse(stdout).ready]).toEqual([0, true]);
      // As a container has it: the folder stands in a variable.
      const asked = await run(["health"], { env: { UNIBUS_DATA_DIR: dataDir } });
      expect([asked.code, asked.stdout]).toEqual([0, expect.stringContaining("data-plane")]);
    }
    expect((await run(["health", "--data-dir", dataDir])).code).toBe(4);
  });

  test("is 1 while a part of the node is not ready, and names the part", async () => {
    using folder = temporaryFolder();
    const health: Health = {
      alive: true,
      ready: false,
      version: "0.0.0",
      bus: "b",
      posture: {
        mode: "enforce",
        tls: true,
        rights: "rooms",
        plainRooms: false,
        cluster: null,
        dataPlane: "embedded",
      },
      parts: [{ part: "data-plane", ready: false, detail: "nats-server is away" }],
      warnings: [],
    };
    const unix = join(folder.path, "unibus.sock");
    const server = Bun.serve({ unix, fetch: () => Response.json(health) });
    const { code, stdout } = await run(["health", "--data-dir", folder.path]);
    expect([code, stdout]).toEqual([1, expect.stringContaining("nats-server is away")]);
    // What starts it anew asks for less, and hears when even that is not so.
    expect((await run(["health", "--alive", "--data-dir", folder.path])).code).toBe(0);
    health.alive = false;
    expect((await run(["health", "--alive", "--data-dir", folder.path])).code).toBe(1);
    await server.stop(true);
  });
});
