// Covers src/cli/key.ts and src/cli/key-file.ts.
import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromSeed } from "@nats-io/nkeys";
import { isUserId } from "../../src/core/nkey.ts";
import { run, temporaryFolder } from "../harness/unibus.ts";

describe("a key file", () => {
  test("is made for its owner alone, in the form that NATS clients take", async () => {
    using folder = temporaryFolder();
    const { code, stdout, stderr } = await run(["key", "new", "a.nk"], { cwd: folder.path });
    expect([code, stderr]).toEqual([0, ""]);
    const [publicKey = "", place = ""] = stdout.split("\n");
    expect(isUserId(publicKey)).toBe(true);
    expect(place).toContain("a.nk");
    const path = join(folder.path, "a.nk");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const text = readFileSync(path, "utf8");
    expect(text).toMatch(/^SU[A-Z2-7]{56}\n$/);
    expect(fromSeed(new TextEncoder().encode(text.trim())).getPublicKey()).toBe(publicKey);
    expect(stdout).not.toContain(text.trim());
  });

  test("tells its public key, and nothing else", async () => {
    using folder = temporaryFolder();
    const made = await run(["key", "new", "a.nk", "--json"], { cwd: folder.path });
    const { publicKey } = JSON.parse(made.stdout);
    const shown = await run(["key", "show", "a.nk"], { cwd: folder.path });
    expect([shown.code, shown.stdout]).toEqual([0, `${publicKey}\n`]);
    const json = await run(["key", "show", "a.nk", "--json"], { cwd: folder.path });
    expect(JSON.parse(json.stdout)).toEqual({ publicKey, file: "a.nk" });
  });

  test("is never overwritten", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "a.nk");
    writeFileSync(path, "precious");
    const { code, stderr } = await run(["key", "new", "a.nk"], { cwd: folder.path });
    expect([code, stderr.includes("exists")]).toEqual([3, true]);
    expect(readFileSync(path, "utf8")).toBe("precious");
    const json = await run(["key", "new", "a.nk", "--json"], { cwd: folder.path });
    expect(JSON.parse(json.stderr).code).toBe("file-exists");
  });

  test("that is missing, or holds no seed, or a damaged one, is refused without its text", async () => {
    using folder = temporaryFolder();
    const damaged = `SU${"A".repeat(56)}`;
    writeFileSync(join(folder.path, "damaged"), `${damaged}\n`);
    writeFileSync(join(folder.path, "other"), "some secret text");
    for (const file of ["missing", "damaged", "other", "no/such/folder"]) {
      const { code, stdout, stderr } = await run(["key", "show", file, "--json"], {
        cwd: folder.path,
      });
      expect([file, code, stdout]).toEqual([file, 3, ""]);
      expect(JSON.parse(stderr).code).toBe("file-unusable");
      expect(stderr).not.toContain(damaged);
      expect(stderr).not.toContain("secret");
    }
  });

  test("is not made in a folder that is none, and no folder is made", async () => {
    using folder = temporaryFolder();
    const { code } = await run(["key", "new", "no/such/a.nk"], { cwd: folder.path });
    expect(code).toBe(3);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("in a folder that may not be written is refused in words", async () => {
    using folder = temporaryFolder();
    if (process.getuid?.() === 0) return;
    chmodSync(folder.path, 0o500);
    const { code, stderr } = await run(["key", "new", join(folder.path, "a.nk")]);
    expect([code, stderr.startsWith("unibus: Cannot write")]).toEqual([3, true]);
    chmodSync(folder.path, 0o700);
  });
});
