import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  ensurePrivateFolder,
  folderFault,
  realFile,
  writeFileAtomically,
  writeNewFile,
} from "../../src/system/files.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const folder = temporaryFolder();
const umask = process.umask();
// The widest that a user may have set: what must be private is so by itself.
beforeAll(() => void process.umask(0));
afterAll(() => {
  process.umask(umask);
  folder[Symbol.dispose]();
});
const at = (name: string): string => join(folder.path, name);
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe("a private folder", () => {
  test("is its owner's alone, and so are the folders above it that it needed", () => {
    ensurePrivateFolder(at("a/b/c"));
    expect([at("a"), at("a/b"), at("a/b/c")].map(modeOf)).toEqual(["700", "700", "700"]);
  });

  test("that exists is left as it is", () => {
    mkdirSync(at("shared"));
    chmodSync(at("shared"), 0o755);
    ensurePrivateFolder(at("shared"));
    expect(modeOf(at("shared"))).toBe("755");
  });
});

describe("a folder for files of ours", () => {
  test("is safe when it is one's own, root's, or not there yet", () => {
    mkdirSync(at("own"), { mode: 0o755 });
    expect([at("own"), "/", at("missing"), at("own/missing/more")].map(folderFault)).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });

  test.each([0o777, 0o1777, 0o702])("is not when everybody may write there: mode %p", (mode) => {
    mkdirSync(at(`mode-${mode}`));
    chmodSync(at(`mode-${mode}`), mode);
    expect(folderFault(at(`mode-${mode}`))).toContain("everybody");
  });

  const root = process.getuid?.() === 0;
  test.skipIf(!root)(`is not when it is another user's${root ? "" : " (needs root)"}`, () => {
    mkdirSync(at("theirs"));
    chownSync(at("theirs"), 4_343, 4_343);
    expect(folderFault(at("theirs"))).toContain("uid 4343");
  });
});

describe("a file that is replaced at once", () => {
  test("has the new bytes and the mode asked for, and leaves nothing beside it", () => {
    mkdirSync(at("replace"));
    const path = at("replace/mode");
    writeFileSync(path, "old", { mode: 0o644 });
    writeFileAtomically(path, "new\n", { mode: 0o600 });
    expect(readFileSync(path, "utf8")).toBe("new\n");
    expect(modeOf(path)).toBe("600");
    expect(readdirSync(at("replace"))).toEqual(["mode"]);
  });

  test("stays as it was when it cannot be replaced, with nothing beside it", () => {
    mkdirSync(at("stuck/path"), { recursive: true });
    expect(() => writeFileAtomically(at("stuck/path"), "new", { mode: 0o600 })).toThrow();
    expect(readdirSync(at("stuck"))).toEqual(["path"]);
  });

  test("takes large bytes whole", () => {
    const bytes = new Uint8Array(3_000_000).fill(7);
    writeFileAtomically(at("large"), bytes, { mode: 0o600 });
    expect(new Uint8Array(readFileSync(at("large")))).toEqual(bytes);
  });
});

describe("a new file", () => {
  test("is its owner's alone", () => {
    writeNewFile(at("key"), "seed\n", { mode: 0o600 });
    expect(modeOf(at("key"))).toBe("600");
    expect(readFileSync(at("key"), "utf8")).toBe("seed\n");
  });

  test("never takes the place of one that exists, nor follows a link", () => {
    writeFileSync(at("mine"), "mine");
    symlinkSync(at("elsewhere"), at("link"));
    expect(() => writeNewFile(at("mine"), "other", { mode: 0o600 })).toThrow("EEXIST");
    expect(() => writeNewFile(at("link"), "other", { mode: 0o600 })).toThrow("EEXIST");
    expect(readFileSync(at("mine"), "utf8")).toBe("mine");
    expect(existsSync(at("elsewhere"))).toBe(false);
  });
});

describe("the file behind a path", () => {
  test("is the one that links lead to, one after the other", () => {
    mkdirSync(at("real"));
    writeFileSync(at("real/db"), "");
    symlinkSync("real/db", at("relative"));
    symlinkSync(at("relative"), at("chain"));
    expect(realFile(at("real/db"))).toBe(at("real/db"));
    expect(realFile(at("chain"))).toBe(at("real/db"));
  });

  test("is the one that would be made where nothing is yet, behind a link as well", () => {
    symlinkSync(at("real/later"), at("dangling"));
    expect(realFile(at("none/db"))).toBe(at("none/db"));
    expect(realFile(at("dangling"))).toBe(at("real/later"));
  });

  test("of a link to itself is no endless search", () => {
    symlinkSync(at("loop"), at("loop"));
    expect(realFile(at("loop"))).toBe(at("loop"));
  });
});
