import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileFault, folderFault, spotFault } from "../../src/system/safe-folder.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const folder = temporaryFolder();
const umask = process.umask();
beforeAll(() => void process.umask(0o022));
afterAll(() => {
  process.umask(umask);
  folder[Symbol.dispose]();
});
const at = (name: string): string => join(folder.path, name);
const root = process.getuid?.() === 0;
const needs = root ? "" : " (needs root)";

function made(name: string, mode: number): string {
  mkdirSync(at(name), { recursive: true });
  chmodSync(at(name), mode);
  return at(name);
}

describe("a folder for files of ours", () => {
  test("is safe when it is one's own, root's, or not there yet", () => {
    made("own", 0o755);
    const safe = [at("own"), "/", at("missing"), at("own/missing/more")];
    expect(safe.map((path) => folderFault(path))).toEqual([null, null, null, null]);
  });

  test.each([
    [0o777, "its group and everybody; run: chmod go-w"],
    [0o1777, "its group and everybody; run: chmod go-w"],
    [0o702, "everybody; run: chmod o-w"],
    [0o775, "its group; run: chmod g-w"],
    [0o720, "its group; run: chmod g-w"],
  ])("is not when others may write there, and the words say what to do: mode %p", (mode, words) => {
    const path = made(`mode-${mode}`, mode);
    expect(folderFault(path)).toBe(`may be written to by ${words} ${path}`);
  });

  test.skipIf(!root)(`is not when it is another user's${needs}`, () => {
    chownSync(made("theirs", 0o755), 4_343, 4_343);
    expect(folderFault(at("theirs"))).toContain("uid 4343");
    expect(folderFault(at("theirs"), 4_343)).toBeNull();
    chownSync(made("nobody", 0o755), 65_534, 65_534);
    expect(folderFault(at("nobody"), 4_343)).toContain("uid 65534");
  });

  test("is not below one that others may write to, be it there yet or not", () => {
    const above = made("above", 0o707);
    made("above/own", 0o700);
    const words = `is not safe, since "${above}" may be written to by everybody; run: chmod o-w`;
    expect(folderFault(at("above/own"))).toStartWith(words);
    expect(folderFault(at("above/new/more"))).toStartWith(words);
    expect(spotFault(at("above/own"))).toStartWith(words);
  });

  test.skipIf(!root)(`is not below another user's, whatever its mode${needs}`, () => {
    chownSync(made("home", 0o755), 4_343, 4_343);
    made("home/ours", 0o700);
    expect(folderFault(at("home/ours"))).toContain(`since "${at("home")}" belongs to another`);
  });

  test("is safe below one whose sticky bit keeps others from it, as in /tmp", () => {
    made("tmp", 0o1777);
    made("tmp/own", 0o700);
    expect([folderFault(at("tmp/own")), folderFault(at("tmp/new"))]).toEqual([null, null]);
    // A file may be there too, under a new name, but not what a node has by known names.
    expect(spotFault(at("tmp"))).toBeNull();
    expect(folderFault(at("tmp"))).toContain("everybody");
  });

  test("is judged behind a link, with every folder on the way", () => {
    made("gate", 0o777);
    made("far", 0o700);
    symlinkSync(at("far"), at("gate/link"));
    symlinkSync("gate/link", at("near"));
    symlinkSync("far", at("good"));
    expect(folderFault(at("good"))).toBeNull();
    expect(folderFault(at("near"))).toContain(`since "${at("gate")}" may be written to`);
    symlinkSync(at("round"), at("round"));
    expect(folderFault(at("round"))).toBeNull();
    symlinkSync("../far/../far", at("tmp/up"));
    expect(folderFault(at("tmp/up"))).toBeNull();
  });

  test.skipIf(!root)(`is not behind a link that another user may point elsewhere${needs}`, () => {
    symlinkSync(at("far"), at("tmp/theirs"));
    lchownSync(at("tmp/theirs"), 4_343, 4_343);
    expect(folderFault(at("tmp/theirs"))).toContain("is a link of another user (uid 4343)");
  });
});

test.skipIf(!root)(
  `a folder above may be open to a group that is the user's alone, and to no other${needs}`,
  () => {
    // As the user 65532, whose group of the same number nobody else is in: so in a container.
    const judge = `const { folderFault } = await import(process.argv[1]);
      process.setgid(65532); process.setgroups([65532]); process.setuid(65532);
      for (const path of process.argv.slice(2)) console.log(folderFault(path));`;
    chmodSync(folder.path, 0o755);
    for (const [name, group] of [
      ["volume", 65_532],
      ["team", 4_343],
    ] as const) {
      made(`${name}/unibus`, 0o700);
      chownSync(at(`${name}/unibus`), 65_532, group);
      chownSync(at(name), 0, group);
      chmodSync(at(name), 0o2775);
    }
    const source = join(import.meta.dir, "../../src/system/safe-folder.ts");
    const paths = [at("volume/unibus"), at("volume"), at("team/unibus")];
    const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", judge, source, ...paths]);
    const [inside, itself, shared] = stdout.toString().trim().split("\n");
    expect(stderr.toString()).toBe("");
    expect(inside).toBe("null");
    expect(itself).toContain("chmod g-w");
    expect(shared).toContain(`since "${at("team")}" may be written to by its group`);
  },
);

test.skipIf(!root)(`a file is ours when it is this user's or root's, or not there${needs}`, () => {
  writeFileSync(at("mine"), "");
  writeFileSync(at("another"), "");
  chownSync(at("another"), 4_343, 4_343);
  symlinkSync(at("mine"), at("link"));
  lchownSync(at("link"), 4_343, 4_343);
  expect([fileFault(at("mine")), fileFault(at("absent"))]).toEqual([null, null]);
  expect(fileFault(at("another"))).toBe("belongs to another user (uid 4343)");
  expect(fileFault(at("link"))).toContain("uid 4343");
});
