import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  beginRoll,
  forgetRoll,
  hasRoll,
  isThroughRoll,
  openHandOver,
  type RollSettings,
  readRoll,
  resumeRoll,
  rollFileOf,
  rollFilesFault,
  writeRoll,
} from "../../src/config/route-roll.ts";
import { readRouteTls } from "../../src/config/tls-files.ts";
import { ROLL_FILE_BYTES_MAX } from "../../src/core/limits.ts";
import { Problem } from "../../src/core/problems.ts";
import type { RollState } from "../../src/core/route-roll.ts";
import { count } from "../harness/counts.ts";
import { PASSWORD_BEFORE, type RolledCa, rolledCa } from "../harness/rolled.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const folder = temporaryFolder();
let ca: RolledCa;
let places = 0;
beforeAll(async () => {
  ca = await rolledCa(join(folder.path, "ca"), ["n1", "n2"]);
});
afterAll(() => folder[Symbol.dispose]());

const place = (node = "n1"): RollSettings => ca.place(join(folder.path, `at-${++places}`), node);
const textOf = (node: string): string => readFileSync(ca.handOverOf(node), "utf8");

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof Problem ? error.code : String(error);
  }
  return "nothing was refused";
}

/** A node that has taken its hand-over. */
function received(): { readonly settings: RollSettings; readonly state: RollState } {
  const settings = place();
  const state = beginRoll(openHandOver(textOf("n1"), settings), settings);
  writeRoll(settings, state);
  return { settings, state };
}

describe("a hand-over [M-116]", () => {
  test("is opened by the node that it is for, by its CA of before", () => {
    const { node, password, roll } = openHandOver(textOf("n1"), place());
    expect({ node, roll }).toEqual({ node: "n1", roll: ca.made.ca });
    expect(password).toHaveLength(43);
  });

  test("is no other node's, also where somebody writes its name over the other's", () => {
    expect(codeOf(() => openHandOver(textOf("n2"), place()))).toBe("node-ca-foreign");
    const renamed = textOf("n2").replace('"node":"n2"', '"node":"n1"');
    expect(codeOf(() => openHandOver(renamed, place()))).toBe("node-ca-foreign");
    const settings = { ...place("n2"), serverName: "n1" };
    expect(codeOf(() => openHandOver(textOf("n1"), settings))).toBe("node-ca-foreign");
  });

  test("is none of another CA", async () => {
    const other = await rolledCa(join(folder.path, "other"), ["n1"]);
    const text = readFileSync(other.handOverOf("n1"), "utf8");
    expect(codeOf(() => openHandOver(text, place()))).toBe("node-ca-foreign");
    const claimed = text.replace(other.made.oldCa, ca.made.oldCa);
    expect(codeOf(() => openHandOver(claimed, place()))).toBe("node-ca-foreign");
  });

  test("is refused with any byte changed, cut off anywhere, or with more behind it", () => {
    const settings = place();
    const text = textOf("n1");
    const step = Math.max(1, Math.floor(text.length / count("file-flips")));
    for (let at = 0; at < text.length; at += step) {
      const other = text[at] === "A" ? "B" : "A";
      const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
      expect(codeOf(() => openHandOver(changed, settings))).toMatch(/^(file-unusable|node-ca-)/);
      expect(codeOf(() => openHandOver(text.slice(0, at), settings))).toBe("file-unusable");
    }
    for (const more of ["x", "\n", " ", "x".repeat(ROLL_FILE_BYTES_MAX)]) {
      expect(codeOf(() => openHandOver(`${text}${more}`, settings))).toBe("file-unusable");
    }
  });
});

describe("what a node keeps of a roll", () => {
  test("is its owner's alone, read back, and gone when it is forgotten", () => {
    const { settings, state } = received();
    expect(statSync(rollFileOf(settings)).mode & 0o777).toBe(0o600);
    expect(readRoll(settings)).toEqual(state);
    expect(state.oldPassword).toBe(PASSWORD_BEFORE);
    forgetRoll(settings);
    expect(hasRoll(settings)).toBeFalse();
    expect(readRoll(settings)).toBeNull();
  });

  test("is told to be damaged, or to be open to others, and the node does not go on", () => {
    const { settings } = received();
    const path = rollFileOf(settings);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.slice(0, -9));
    expect(codeOf(() => resumeRoll(settings))).toBe("file-unusable");
    writeFileSync(path, text);
    chmodSync(path, 0o644);
    expect(codeOf(() => resumeRoll(settings))).toBe("file-unusable");
  });
});

describe("the files of a node in a roll", () => {
  const PHASES = ["received", "trusts", "shows", "demands"] as const;
  const contentsOf = ({ routeTlsCa, routeTlsCert, clusterPassFile }: RollSettings) =>
    [routeTlsCa, routeTlsCert, clusterPassFile].map((path) => readFileSync(path, "utf8"));

  test("are in order after a kill between any two writes of any step, and good for a start", () => {
    for (const [at, phase] of PHASES.entries()) {
      // What the step before left, and what this one makes of it.
      const whole = received();
      for (const done of PHASES.slice(0, at + 1)) {
        writeRoll(whole.settings, { ...whole.state, phase: done });
        resumeRoll(whole.settings);
      }
      const wanted = contentsOf(whole.settings);
      for (let written = 0; written <= 3; written++) {
        const { settings, state } = received();
        for (const done of PHASES.slice(0, at)) {
          writeRoll(settings, { ...state, phase: done });
          resumeRoll(settings);
        }
        writeRoll(settings, { ...state, phase });
        const paths = [settings.routeTlsCa, settings.routeTlsCert, settings.clusterPassFile];
        for (const [index, path] of paths.slice(0, written).entries()) {
          writeFileSync(path, wanted[index] ?? "");
        }
        expect(resumeRoll(settings)?.phase).toBe(phase);
        expect(contentsOf(settings)).toEqual(wanted);
        const { routeTlsCert: cert, routeTlsKey: key, routeTlsCa } = settings;
        readRouteTls({ cert, key, ca: routeTlsCa }, Date.now());
      }
    }
  });

  test("hold the new CA, certificate and secret at the end, with the modes that they had", () => {
    const { settings, state } = received();
    chmodSync(settings.routeTlsCa, 0o640);
    const before = isThroughRoll(settings, state.handOver);
    writeRoll(settings, { ...state, phase: "demands" });
    resumeRoll(settings);
    expect([before, isThroughRoll(settings, state.handOver)]).toEqual([false, true]);
    expect(statSync(settings.routeTlsCa).mode & 0o777).toBe(0o640);
    expect(statSync(settings.clusterPassFile).mode & 0o777).toBe(0o600);
    expect(readFileSync(settings.clusterPassFile, "utf8")).toBe(`${state.handOver.password}\n`);
    expect(readdirSync(join(settings.routeTlsCa, "..")).sort()).toEqual(
      ["ca.crt", "node.crt", "node.crt.roll", "node.key", "password"].sort(),
    );
  });

  test("may be links, whose files are replaced", () => {
    const { settings, state } = received();
    const link = join(folder.path, `link-${++places}`);
    symlinkSync(settings.routeTlsCa, link);
    writeRoll(settings, { ...state, phase: "demands" });
    resumeRoll({ ...settings, routeTlsCa: link });
    expect(isThroughRoll(settings, state.handOver)).toBeTrue();
  });

  test("are named where they cannot be replaced", () => {
    const settings = place();
    expect(rollFilesFault(settings)).toBeNull();
    const absent = { ...settings, clusterPassFile: join(folder.path, "absent") };
    expect(rollFilesFault(absent)).toContain("--cluster-pass-file");
    // The kernel's own files stand for those of somebody else, on a system that nothing writes to.
    const foreign = rollFilesFault({ ...settings, routeTlsCa: "/proc/1/mountinfo" });
    expect(foreign).toContain("--route-tls-ca");
    const locked = join(folder.path, "locked");
    mkdirSync(locked);
    const own = ca.place(locked, "n1");
    chmodSync(locked, 0o500);
    const fault = rollFilesFault(own);
    chmodSync(locked, 0o700);
    // Root may write everywhere.
    if (process.getuid?.() !== 0) expect(fault).toContain("may not write");
  });
});
