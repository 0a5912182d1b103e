// Covers src/cli/user.ts, src/cli/names.ts, src/cli/node-command.ts and src/cli/output.ts.
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { aUser } from "../harness/builders.ts";
import type { Ran } from "../harness/run-process.ts";
import { run, temporaryFolder } from "../harness/unibus.ts";

/** A folder with a bus in it, whose node does not run. */
async function stoppedBus() {
  const folder = temporaryFolder();
  const cli = (...args: string[]): Promise<Ran> => run(args, { cwd: folder.path });
  const admin = aUser();
  const seeded = await cli("user", "seed", admin, "--name", "root");
  expect([seeded.code, seeded.stderr]).toEqual([
    0,
    `made a new database: ${join(folder.path, "local_files/unibus.db")}\n`,
  ]);
  return {
    path: folder.path,
    admin,
    cli,
    json: async (...args: string[]) => JSON.parse((await cli(...args, "--json")).stdout),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe("users of a node that does not run", () => {
  test("are seeded, added, listed, shown, revoked and restored [M-012] [M-014]", async () => {
    using bus = await stoppedBus();
    const ada = aUser();
    const added = await bus.cli("user", "add", ada, "--name", "Ada");
    expect([added.code, added.stdout]).toEqual([0, `"Ada" (${ada}) is admitted as member\n`]);
    expect((await bus.cli("user", "list")).stdout.split("\n").toSorted()).toEqual(
      [
        "",
        "USER                                                      ROLE    STATE   NAME",
        `${ada}  member  active  Ada`,
        `${bus.admin}  admin   active  root`,
      ].toSorted(),
    );
    const revoked = await bus.cli("user", "revoke", "ada");
    expect([revoked.code, revoked.stdout]).toEqual([0, `"Ada" (${ada}) is revoked and out\n`]);
    expect((await bus.json("user", "show", ada)).state).toBe("revoked");
    expect((await bus.json("user", "restore", ada)).state).toBe("active");
    const shown = await bus.cli("user", "show", "ADA");
    expect(shown.stdout).toContain("In no room that you can look into");
    const { users } = await bus.json("user", "list");
    expect(users).toHaveLength(2);
    expect(Object.keys(users[0])).toEqual([
      ...["user", "name", "role", "state", "accept", "createdAt", "changedAt"],
      ...["successor", "keyNumber"],
    ]);
  });

  test("leave a database that nobody else may read, and no files beside it but its head and the lock", async () => {
    using bus = await stoppedBus();
    const folder = join(bus.path, "local_files");
    expect(readdirSync(folder).toSorted()).toEqual(["unibus.db", "unibus.db-head", "unibus.lock"]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "unibus.db")).mode & 0o777).toBe(0o600);
  });

  test("are refused with exit code 3, and the error says why and where", async () => {
    using bus = await stoppedBus();
    const again = await bus.cli("user", "seed", aUser());
    expect([again.code, again.stdout]).toEqual([3, ""]);
    expect(again.stderr.split("\n")).toEqual([
      expect.stringMatching(/^unibus: Cannot seed an admin: the bus has one/),
      `  (the database of the stopped node, ${join(bus.path, "local_files/unibus.db")})`,
      "",
    ]);
    const nobody = await bus.cli("user", "revoke", "nobody", "--json");
    expect(nobody.code).toBe(3);
    expect(JSON.parse(nobody.stderr)).toMatchObject({
      code: "user-not-found",
      status: 404,
      where: expect.stringContaining("the stopped node"),
    });
  });

  test("are named by key or name, and a seed in place of one is neither sent nor shown", async () => {
    using bus = await stoppedBus();
    const seed = `SU${"A".repeat(56)}`;
    for (const words of [
      ["show", seed],
      ["add", seed],
      ["revoke", seed],
      ["seed", seed],
    ]) {
      const { code, stderr, stdout } = await bus.cli("user", ...words);
      expect([words[0], code, stdout]).toEqual([words[0], 3, ""]);
      expect(stderr).toContain("secret seed");
      expect(stderr).not.toContain(seed);
    }
    const changed = bus.admin.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
    const wrong = await bus.cli("user", "show", changed, "--json");
    expect(JSON.parse(wrong.stderr).code).toBe("key-invalid");
    expect(await bus.json("user", "show", bus.admin)).toEqual(
      await bus.json("user", "show", "root"),
    );
  });

  test("may be seeded from a key file, without the seed going anywhere", async () => {
    using folder = temporaryFolder();
    const options = { cwd: folder.path };
    const { publicKey } = JSON.parse((await run(["key", "new", "a.nk", "--json"], options)).stdout);
    const seeded = await run(["user", "seed", "--key", "a.nk", "--json"], options);
    expect(JSON.parse(seeded.stdout)).toMatchObject({ user: publicKey, role: "admin" });
  });
});

describe("a folder without a bus", () => {
  test.each([
    ["user list"],
    [`user add ${aUser("somebody")}`],
    ["user revoke x"],
    ["room list"],
    ["room create x"],
    ["refusals"],
  ])("is not made by %s: exit 4, and it says what to do", async (line) => {
    const args = line.split(" ");
    using folder = temporaryFolder();
    for (const words of [args, [...args, "--data-dir", "deep/er"], [...args, "--db", "a/b.db"]]) {
      const { code, stdout, stderr } = await run(words, { cwd: folder.path });
      expect([code, stdout]).toEqual([4, ""]);
      expect(stderr).toStartWith("unibus: Cannot ");
      expect(stderr).toContain(folder.path);
    }
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("is not made by a seed that is refused before", async () => {
    using folder = temporaryFolder();
    for (const words of [["nonsense"], ["--key", "missing.nk"]]) {
      expect((await run(["user", "seed", ...words], { cwd: folder.path })).code).toBe(3);
    }
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("is told by flag and by environment, the flag first", async () => {
    using folder = temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    const seed = (args: readonly string[], env: Record<string, string>) =>
      run(["user", "seed", aUser(), ...args], { cwd: folder.path, env });
    await seed([], { UNIBUS_DATA_DIR: at("a") });
    await seed([], { UNIBUS_DB: at("b.db") });
    await seed(["--data-dir", at("c")], { UNIBUS_DATA_DIR: at("wrong") });
    await seed(["--db", at("d.db")], { UNIBUS_DB: at("wrong.db") });
    const made = ["a/unibus.db", "b.db", "c/unibus.db", "d.db"];
    expect(made.filter((name) => !existsSync(at(name)))).toEqual([]);
    expect(existsSync(at("wrong"))).toBe(false);
  });
});
