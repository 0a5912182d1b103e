// Covers src/cli/replace-key.ts and src/cli/key-successor.ts.
import { expect, test } from "bun:test";
import { aUser } from "../harness/builders.ts";
import type { Ran } from "../harness/run-process.ts";
import { run, temporaryFolder } from "../harness/unibus.ts";

/** A stopped node's folder with an admin and "mallory", whose key file is m1.nk; m2.nk and m3.nk are new. */
async function aFolder() {
  const folder = temporaryFolder();
  const cli = (...args: string[]): Promise<Ran> => run(args, { cwd: folder.path });
  const json = async (...args: string[]) => JSON.parse((await cli(...args, "--json")).stdout);
  const keys: string[] = [];
  for (const file of ["m1.nk", "m2.nk", "m3.nk"]) {
    keys.push((await json("key", "new", file)).publicKey);
  }
  await cli("user", "seed", aUser(), "--name", "root");
  const [first = "", second = "", third = ""] = keys;
  await cli("user", "add", first, "--name", "mallory");
  const dispose = () => folder[Symbol.dispose]();
  return { cli, json, first, second, third, [Symbol.dispose]: dispose };
}

test("a key is replaced by a key file, and revoking any key of the user revokes it whole", async () => {
  using at = await aFolder();
  const replaced = await at.cli("user", "replace-key", "mallory", "m2.nk");
  expect([replaced.code, replaced.stdout]).toEqual([
    0,
    `"mallory" (${at.second}) is in the place of ${at.first} now\n`,
  ]);
  const listed = async (...more: string[]) => (await at.cli("user", "list", ...more)).stdout;
  expect(await listed()).not.toContain(at.first);
  expect(await listed("--all")).toContain(at.first);
  expect((await at.cli("user", "show", at.first)).stdout).toContain(
    `number 1, replaced by ${at.second}`,
  );
  const revoked = await at.cli("user", "revoke", at.first);
  expect(revoked.stdout).toBe(
    `"mallory" (${at.second}) is revoked and out\nIt had taken the place of ${at.first}\n`,
  );
  expect((await at.json("user", "show", "mallory")).state).toBe("revoked");
});

test("a public key alone replaces nothing, and the refusal says what its holder has to do", async () => {
  using at = await aFolder();
  const refused = await at.cli("user", "replace-key", "mallory", at.second);
  expect(refused.code).toBe(2);
  const [, words = ""] = /unibus (key successor .*)$/m.exec(refused.stderr) ?? [];
  expect(words).toContain(`--of ${at.first} --number 2 --bus `);
  // What it says is typed as it stands, with the new key's file.
  const word = await at.cli(...words.replace("FILE", "m2.nk").split(" "));
  expect(word.stdout).toMatch(/^ubk_U[A-Z2-7]{55}_2_[A-Za-z0-9_-]{86}\n$/);
  const replaced = await at.cli("user", "replace-key", "mallory", word.stdout.trim());
  expect(replaced.code).toBe(0);
  expect((await at.json("user", "show", "mallory")).user).toBe(at.second);
  // It was for this key and number: it puts the key in nobody's place again.
  const again = await at.cli("user", "replace-key", "mallory", word.stdout.trim(), "--json");
  expect([again.code, JSON.parse(again.stderr).code]).toEqual([3, "proof-wrong"]);
});

test("what is signed elsewhere is refused for another key, number or bus", async () => {
  using at = await aFolder();
  const { bus } = await at.json("key", "successor", "m2.nk", "--of", at.first, ...numberAndBus());
  expect(bus).toBe("0".repeat(32));
  for (const words of [
    ["--of", at.third, "--number", "2", "--bus", await busOf(at)],
    ["--of", at.first, "--number", "3", "--bus", await busOf(at)],
    ["--of", at.first, ...numberAndBus()],
  ]) {
    const { replacement } = await at.json("key", "successor", "m2.nk", ...words);
    const refused = await at.cli("user", "replace-key", "mallory", replacement, "--json");
    expect([words[3], refused.code, JSON.parse(refused.stderr).code]).toEqual([
      words[3],
      3,
      "proof-wrong",
    ]);
  }
  expect((await at.json("user", "show", "mallory")).user).toBe(at.first);
});

test("wrong usage of key successor says which option is wrong", async () => {
  using at = await aFolder();
  const right = ["--of", at.first, ...numberAndBus()];
  for (const [words, says] of [
    [["--number", "2", "--bus", "0".repeat(32)], "--of is missing"],
    [["--of", at.first, "--number", "1", "--bus", "0".repeat(32)], "--number is no whole number"],
    [["--of", at.first, "--number", "2", "--bus", "x"], "--bus is not 32 hex digits"],
  ] as const) {
    const { code, stderr } = await at.cli("key", "successor", "m2.nk", ...words);
    expect([code, stderr.includes(says)]).toEqual([2, true]);
  }
  expect((await at.cli("key", "successor", "missing.nk", ...right)).code).toBe(3);
});

test("the last admin and the last owner are given up by --orphan alone", async () => {
  using at = await aFolder();
  await at.cli("room", "create", "ops", "--owner", "mallory");
  for (const words of [
    ["user", "revoke", "root"],
    ["user", "update", "root", "--role", "member"],
    ["room", "remove", "ops", "mallory"],
    ["room", "add", "ops", "mallory", "--role", "reader"],
  ]) {
    const refused = await at.cli(...words);
    expect([words[1], refused.code, refused.stderr]).toEqual([
      words[1],
      3,
      expect.stringContaining("--orphan"),
    ]);
  }
  expect((await at.cli("room", "remove", "ops", "mallory", "--orphan")).code).toBe(0);
  expect((await at.cli("user", "revoke", "root", "--orphan")).code).toBe(0);
});

const numberAndBus = () => ["--number", "2", "--bus", "0".repeat(32)];

/** The id of the bus, as an error message names it. */
async function busOf(at: Awaited<ReturnType<typeof aFolder>>): Promise<string> {
  const refused = await at.cli("user", "replace-key", "mallory", at.second);
  return /--bus ([0-9a-f]{32})/.exec(refused.stderr)?.[1] ?? "";
}
