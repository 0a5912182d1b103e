// Tries src/cli/ca-roll.ts and src/cli/cert-roll.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { makeBusCa, makeNode, openCa, renewNode } from "../../src/cli/bus-ca.ts";
import { type MadeRoll, rollBusCa } from "../../src/cli/ca-roll.ts";
import { fingerprintOf } from "../../src/config/certificate.ts";
import { openHandOver } from "../../src/config/route-roll.ts";
import { readRouteTls } from "../../src/config/tls-files.ts";
import { Problem } from "../../src/core/problems.ts";
import { EXIT } from "../harness/promises.ts";
import { run, temporaryFolder } from "../harness/unibus.ts";

const passphrase = "correct horse battery";
const at = Date.now();
const folder = temporaryFolder();
/** A CA with three nodes; copied for each test, since making one takes a while. */
const origin = join(folder.path, "origin");
let places = 0;

beforeAll(async () => {
  await makeBusCa({ dir: origin, passphrase, at });
  for (const node of ["n1", "n2", "n3"]) {
    await makeNode({ dir: origin, node, hosts: [`${node}.example.org`], passphrase, at });
  }
  // That of a node which keeps its key itself.
  mkdirSync(join(folder.path, "kept"));
  renameSync(join(origin, "n2.key"), join(folder.path, "kept", "n2.key"));
});
afterAll(() => folder[Symbol.dispose]());

function copyOf(source: string): string {
  const dir = join(folder.path, `place-${++places}`);
  cpSync(source, dir, { recursive: true, preserveTimestamps: true });
  return dir;
}

/** Every file below a folder with what it holds. */
function contentsOf(dir: string, below = ""): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(join(dir, below), { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (!entry.isDirectory()) found.set(path, readFileSync(join(dir, path), "utf8"));
    else for (const [name, text] of contentsOf(dir, path)) found.set(name, text);
  }
  return found;
}

function settingsOf(node: string, dir: string) {
  const key = existsSync(join(dir, `${node}.key`)) ? dir : join(folder.path, "kept");
  return {
    serverName: node,
    routeTlsCert: join(origin, `${node}.crt`),
    routeTlsKey: join(key, `${node}.key`),
    routeTlsCa: join(origin, "ca.crt"),
    clusterPassFile: join(dir, "password"),
  };
}

async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    return error instanceof Problem ? error.code : String(error);
  }
  return "nothing was refused";
}

const rollIn = (dir: string, without: readonly string[] = []): Promise<MadeRoll> =>
  rollBusCa({ dir, passphrase, without, at });

describe("a roll of the bus CA [M-116]", () => {
  test("hands each node a certificate of the new CA for its own key and hosts, and one secret for all", async () => {
    const dir = copyOf(origin);
    const made = await rollIn(dir);
    expect(made.nodes.map(({ node }) => node)).toEqual(["n1", "n2", "n3"]);
    const ca = new X509Certificate(readFileSync(join(dir, "ca.crt")));
    expect(fingerprintOf(ca)).toBe(made.ca);
    const opened = made.nodes.map(({ node, file }) => {
      expect(statSync(file).mode & 0o777).toBe(0o600);
      return openHandOver(readFileSync(file, "utf8"), settingsOf(node, dir));
    });
    expect(new Set(opened.map(({ password }) => password)).size).toBe(1);
    for (const { node, certificate, nodes, without } of opened) {
      expect({ nodes, without }).toEqual({ nodes: ["n1", "n2", "n3"], without: [] });
      const cert = join(dir, `${node}.crt`);
      expect(readFileSync(cert, "utf8")).toBe(certificate);
      const { routeTlsKey: key } = settingsOf(node, dir);
      const read = readRouteTls({ cert, key, ca: join(dir, "ca.crt") }, at);
      expect(read.names).toEqual([`${node}.example.org`]);
    }
    // The new CA is one that signs, under the same passphrase.
    await renewNode({ dir, node: "n2", passphrase, at });
  });

  test("leaves out whom it is told to, and keeps all that was before", async () => {
    const dir = copyOf(origin);
    const made = await rollIn(dir, ["n3"]);
    expect(made.nodes.map(({ node }) => node)).toEqual(["n1", "n2"]);
    expect(made.old).toBe(join(dir, "old", made.oldCa.slice(0, 16)));
    expect(readdirSync(dir).sort()).toEqual(
      ["ca.crt", "ca.key", "n1.crt", "n1.key", "n2.crt", "old", "roll"].sort(),
    );
    expect(contentsOf(made.old)).toEqual(contentsOf(origin));
    expect(statSync(made.old).mode & 0o777).toBe(0o700);
    const [one] = made.nodes;
    const text = readFileSync(one?.file ?? "", "utf8");
    const { nodes, without } = openHandOver(text, settingsOf("n1", dir));
    expect({ nodes, without }).toEqual({ nodes: ["n1", "n2"], without: ["n3"] });
  });

  test("is refused while the hand-overs of another one are there, and goes on from the new CA afterwards", async () => {
    const dir = copyOf(origin);
    const first = await rollIn(dir);
    const before = contentsOf(dir);
    expect(await codeOf(() => rollIn(dir))).toBe("file-exists");
    expect(contentsOf(dir)).toEqual(before);
    rmSync(join(dir, "roll"), { recursive: true });
    const second = await rollIn(dir);
    expect(second.oldCa).toBe(first.ca);
    expect(readdirSync(join(dir, "old"))).toHaveLength(2);
  });

  test("changes nothing with a wrong passphrase, a node that is not there, nobody left, or a foreign certificate", async () => {
    const dir = copyOf(origin);
    const before = contentsOf(dir);
    const wrong = { dir, passphrase: "not this one", without: [], at };
    expect(await codeOf(() => rollBusCa(wrong))).toBe("file-unusable");
    expect(await codeOf(() => rollIn(dir, ["n4"]))).toBe("usage");
    expect(await codeOf(() => rollIn(dir, ["n1", "n2", "n3"]))).toBe("usage");
    expect(contentsOf(dir)).toEqual(before);
    const other = join(folder.path, "other");
    await makeBusCa({ dir: other, passphrase, at });
    await makeNode({ dir: other, node: "n9", hosts: ["n9"], passphrase, at });
    copyFileSync(join(other, "n9.crt"), join(dir, "n9.crt"));
    expect(await codeOf(() => rollIn(dir))).toBe("file-unusable");
    expect(existsSync(join(dir, "roll"))).toBeFalse();
    await rollIn(dir, ["n9"]);
  });
});

/** What a roll writes once its hand-overs count, a file at a time and in order. */
function writesOf(after: string, made: MadeRoll): readonly ((dir: string) => void)[] {
  const put = (from: string, to: string) => (dir: string) => {
    mkdirSync(dirname(join(dir, to)), { recursive: true, mode: 0o700 });
    copyFileSync(from, join(dir, to));
  };
  const old = join("old", made.oldCa.slice(0, 16));
  const kept = ["ca.key", "ca.crt", "n1.key", "n1.crt", "n2.crt", "n3.key", "n3.crt"];
  const next = ["n1.crt", "n2.crt", "ca.key", "ca.crt"];
  return [
    ...kept.map((name) => put(join(origin, name), join(old, name))),
    ...next.map((name) => put(join(after, name), name)),
    ...["n3.crt", "n3.key"].map((name) => (dir: string) => rmSync(join(dir, name))),
    ...next.map((name) => (dir: string) => rmSync(join(dir, "roll", "next", name))),
  ];
}

test("a roll that was killed between any two of its writes is ended by running it again, and there is always a CA to go on with", async () => {
  const after = copyOf(origin);
  const made = await rollIn(after, ["n3"]);
  const writes = writesOf(after, made);
  for (let done = 0; done <= writes.length; done++) {
    const dir = copyOf(origin);
    cpSync(join(after, "roll"), join(dir, "roll"), { recursive: true });
    mkdirSync(join(dir, "roll", "next"));
    for (const name of ["n1.crt", "n2.crt", "ca.key", "ca.crt"]) {
      copyFileSync(join(after, name), join(dir, "roll", "next", name));
    }
    for (const write of writes.slice(0, done)) write(dir);
    const isUsable = [dir, join(dir, "roll", "next")].some((place) => {
      try {
        return openCa({ dir: place, passphrase, at }) !== null;
      } catch {
        return false;
      }
    });
    expect(isUsable).toBeTrue();
    expect((await rollIn(dir)).ca).toBe(made.ca);
    expect(contentsOf(dir)).toEqual(contentsOf(after));
  }
});

test("what a roll left that was killed before it counted is made anew", async () => {
  const dir = copyOf(origin);
  mkdirSync(join(dir, "roll.tmp", "next"), { recursive: true });
  writeFileSync(join(dir, "roll.tmp", "n1.roll"), "half of it");
  await rollIn(dir);
  expect(readdirSync(dir)).not.toContain("roll.tmp");
});

describe("the command", () => {
  test("says what to type on each node, tells programs the same, and prints no secret", async () => {
    const dir = copyOf(origin);
    const secret = join(folder.path, "passphrase");
    writeFileSync(secret, `${passphrase}\n`, { mode: 0o600 });
    const words = ["cert", "roll", "--dir", dir, "--passphrase-file", secret];
    const ran = await run([...words, "--without", "n3"]);
    expect(ran).toMatchObject({ code: EXIT.done, stderr: "" });
    expect(ran.stdout).toContain("Left out: n3.");
    expect(ran.stdout).toMatch(/n1: .* node roll n1\.roll/);
    expect(ran.stdout).not.toMatch(/n3: .* node roll/);
    const again = await run(words);
    expect(again.code).toBe(EXIT.refused);
    expect(again.stderr).toContain("remove that folder");
    rmSync(join(dir, "roll"), { recursive: true });
    const json = await run([...words, "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ nodes: [{ node: "n1" }, { node: "n2" }] });
    const handed = readFileSync(join(dir, "roll", "n1.roll"), "utf8");
    const { password } = JSON.parse(handed.split("\n")[0] ?? "");
    for (const text of [ran.stdout, json.stdout]) {
      expect(text).not.toContain(passphrase);
      expect(text).not.toContain(password);
    }
  });

  test.each([
    ["ca", "the CA's own"],
    ["a.b", "letters, digits"],
    ["n4", "no certificate of it"],
  ])("refuses to leave out %s", async (name, says) => {
    const secret = join(folder.path, "passphrase-2");
    writeFileSync(secret, `${passphrase}\n`, { mode: 0o600 });
    const words = ["--dir", copyOf(origin), "--passphrase-file", secret, "--without", name];
    const ran = await run(["cert", "roll", ...words]);
    expect(ran.code).toBe(EXIT.usage);
    expect(ran.stderr).toContain(says);
  });
});
