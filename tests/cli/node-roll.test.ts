// Tries src/cli/node-roll.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderNodeFile } from "../../src/config/node-file.ts";
import {
  type RollSettings,
  readRoll,
  resumeRoll,
  rollFileOf,
  writeRoll,
} from "../../src/config/route-roll.ts";
import { EXIT } from "../harness/promises.ts";
import { type RolledCa, rolledCa } from "../harness/rolled.ts";
import { run, temporaryFolder } from "../harness/unibus.ts";

const folder = temporaryFolder();
let ca: RolledCa;
let places = 0;
beforeAll(async () => {
  ca = await rolledCa(join(folder.path, "ca"), ["n1", "n2"]);
});
afterAll(() => folder[Symbol.dispose]());

interface Node {
  readonly settings: RollSettings;
  readonly dataDir: string;
}

/** A node's folder with settings of its own, as one has that joined. */
function nodeFolder(change: Readonly<Record<string, string | undefined>> = {}): Node {
  const dataDir = join(folder.path, `node-${++places}`);
  const settings = ca.place(join(dataDir, "routes"), "n1");
  const values = {
    "cluster-name": "bus",
    "server-name": "n1",
    routes: "nats://10.0.0.2:6250",
    "cluster-user": "route",
    "cluster-pass-file": "routes/password",
    "route-tls-cert": "routes/node.crt",
    "route-tls-key": "routes/node.key",
    "route-tls-ca": "routes/ca.crt",
    ...change,
  };
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  const text = renderNodeFile(Object.fromEntries(given));
  writeFileSync(join(dataDir, "node.env"), text, { mode: 0o600 });
  return { settings, dataDir };
}

const rollAt = ({ dataDir }: Node, file = ca.handOverOf("n1"), more: readonly string[] = []) =>
  run(["node", "roll", file, "--data-dir", dataDir, ...more]);

describe("unibus node roll", () => {
  test("keeps what it was handed, changes nothing, and says what comes next; twice is as good as once", async () => {
    const node = nodeFolder();
    const before = readFileSync(node.settings.routeTlsCa, "utf8");
    const first = await rollAt(node);
    expect(first).toMatchObject({ code: EXIT.done, stderr: "" });
    expect(first.stdout).toContain("when all of its nodes have theirs and answer: n1, n2");
    expect(first.stdout).toMatch(/ health --data-dir /);
    expect(readRoll(node.settings)?.phase).toBe("received");
    expect(readFileSync(node.settings.routeTlsCa, "utf8")).toBe(before);
    const kept = readFileSync(rollFileOf(node.settings), "utf8");
    const again = await rollAt(node, undefined, ["--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({
      node: "n1",
      state: "known",
      roll: ca.made.ca,
    });
    expect(readFileSync(rollFileOf(node.settings), "utf8")).toBe(kept);
    const { password = "" } = readRoll(node.settings)?.handOver ?? {};
    for (const { stdout } of [first, again]) expect(stdout).not.toContain(password);
  });

  test("is harmless on a node that is through", async () => {
    const node = nodeFolder();
    await rollAt(node);
    const state = readRoll(node.settings);
    if (!state) throw new Error("It is there");
    writeRoll(node.settings, { ...state, phase: "demands" });
    resumeRoll(node.settings);
    expect((await rollAt(node)).stdout).toContain("has this roll already");
    await Bun.file(rollFileOf(node.settings)).delete();
    expect((await rollAt(node)).stdout).toContain("through this roll already");
    expect(existsSync(rollFileOf(node.settings))).toBeFalse();
  });

  test("refuses another roll in the middle of one", async () => {
    const node = nodeFolder();
    await rollAt(node);
    const kept = readFileSync(rollFileOf(node.settings), "utf8");
    const other = await rollAt(node, ca.handOverOf("n2"));
    expect(other.code).toBe(EXIT.refused);
    expect(other.stderr).toContain("in the middle of another one");
    expect(readFileSync(rollFileOf(node.settings), "utf8")).toBe(kept);
  });

  test.each([
    [{ "cluster-pass-file": undefined, "cluster-pass": "x" }, "it is in --cluster-pass"],
    [{ "cluster-pass-file": undefined, "cluster-user": undefined }, "there is none"],
    [{ routes: "nats://u:secret@10.0.0.2:6250" }, "--routes hold a password of their own"],
    [{ "cluster-name": undefined }, "no node whose routes have TLS"],
    [{ "server-name": "n7" }, "it is for the node"],
    [{ "route-tls-ca": "routes/absent" }, "does not exist"],
  ])(
    "refuses a node that it cannot take over (%#), with words and nothing written",
    async (change, says) => {
      const node = nodeFolder(change);
      const ran = await rollAt(node);
      expect(ran.code).toBe(EXIT.refused);
      expect(ran.stderr).toContain(says);
      expect(ran.stderr).not.toContain("secret@");
      expect(existsSync(rollFileOf(node.settings))).toBeFalse();
    },
  );

  test("refuses a file that is another node's, damaged, open to others or not there, and writes nothing", async () => {
    const node = nodeFolder();
    const text = readFileSync(ca.handOverOf("n1"), "utf8");
    const damaged = join(folder.path, "damaged.roll");
    writeFileSync(damaged, text.replace('"nodes":["n1"', '"nodes":["n4"'), { mode: 0o600 });
    const open = join(folder.path, "open.roll");
    writeFileSync(open, text);
    chmodSync(open, 0o644);
    for (const [file, says] of [
      [ca.handOverOf("n2"), 'for the node "n2"'],
      [damaged, "not signed by the CA"],
      [open, "can be read by others"],
      [join(folder.path, "absent.roll"), "does not exist"],
      [node.settings.routeTlsCert, "not what unibus cert roll made"],
    ] as const) {
      if (file === node.settings.routeTlsCert) chmodSync(file, 0o600);
      const ran = await rollAt(node, file);
      expect([ran.code, ran.stderr]).toEqual([EXIT.refused, expect.stringContaining(says)]);
      expect(existsSync(rollFileOf(node.settings))).toBeFalse();
    }
  });
});
