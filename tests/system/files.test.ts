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
  realFile,
  stageFile,
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

describe("a file that is replaced at once", () => {
  test("has the new bytes and the mode asked for, and leaves nothing beside it", () => {
    mkdirSync(at("replace"), { mode: 0o755 });
    const path = at("replace/mode");
    writeFileSync(path, "old", { mode: 0o644 });
    writeFileAtomically(path, "new\n", { mode: 0o600 });
    expect(readFileSync(path, "utf8")).toBe("new\n");
    expect(modeOf(path)).toBe("600");
    expect(readdirSync(at("replace"))).toEqual(["mode"]);
  });

  test("stays as it was when it cannot be replaced, with nothing beside it", () => {
    mkdirSync(at("stuck/path"), { recursive: true, mode: 0o755 });
    expect(() => writeFileAtomically(at("stuck/path"), "new", { mode: 0o600 })).toThrow();
    expect(readdirSync(at("stuck"))).toEqual(["path"]);
  });

  test("takes large bytes whole", () => {
    const bytes = new Uint8Array(3_000_000).fill(7);
    writeFileAtomically(at("large"), bytes, { mode: 0o600 });
    expect(new Uint8Array(readFileSync(at("large")))).toEqual(bytes);
  });
});

describe("a file for a secret", () => {
  const writes = [
    ["replaced", (path: string) => writeFileAtomically(path, "secret", { mode: 0o600 })],
    ["new", (path: string) => writeNewFile(path, "secret", { mode: 0o600 })],
  ] as const;

  test.each(writes)(
    "is not made where others may write, and what they prepared is as it was: %s",
    (what, write) => {
      for (const mode of [0o777, 0o775, 0o702]) {
        const folder = at(`${what}-${mode}`);
        mkdirSync(folder);
        chmodSync(folder, mode);
        const name = `${folder}/secret.${process.pid}.tmp`;
        symlinkSync(at("elsewhere"), name);
        expect(() => write(`${folder}/secret`)).toThrow(/written to by .*; run: chmod .*-w/);
        expect([readdirSync(folder), existsSync(at("elsewhere"))]).toEqual([
          [`secret.${process.pid}.tmp`],
          false,
        ]);
      }
    },
  );

  test.each(writes)("is made where the sticky bit keeps others from it: %s", (what, write) => {
    const folder = at(`${what}-sticky`);
    mkdirSync(folder);
    chmodSync(folder, 0o1777);
    write(`${folder}/secret`);
    expect([readFileSync(`${folder}/secret`, "utf8"), readdirSync(folder)]).toEqual([
      "secret",
      ["secret"],
    ]);
  });

  test.each(writes)("is not made in a folder that is not there: %s", (what, write) => {
    expect(() => write(at(`${what}-none/secret`))).toThrow(
      expect.objectContaining({ code: "ENOENT" }),
    );
  });

  const root = process.getuid?.() === 0;
  test.skipIf(!root)(
    `takes the place of no other user's file, also where root could${root ? "" : " (needs root)"}`,
    () => {
      writeFileSync(at("theirs"), "theirs");
      chownSync(at("theirs"), 4_343, 4_343);
      expect(() => writeFileAtomically(at("theirs"), "ours", { mode: 0o600 })).toThrow("uid 4343");
      expect(readFileSync(at("theirs"), "utf8")).toBe("theirs");
    },
  );

  test("has its room on the disk, and nothing beside it, before and after its bytes are there", () => {
    mkdirSync(at("staged"), { mode: 0o700 });
    {
      using staged = stageFile(at("staged/secret"), { mode: 0o600, roomBytes: 4096 });
      const [name = ""] = readdirSync(at("staged"));
      expect(name).toMatch(/^\.[0-9a-f-]{36}\.tmp$/);
      const { size, blocks, mode } = statSync(at(`staged/${name}`));
      expect([size, blocks * 512 >= 4096, mode & 0o777]).toEqual([4096, true, 0o600]);
      staged.replace("secret");
    }
    expect([readdirSync(at("staged")), readFileSync(at("staged/secret"), "utf8")]).toEqual([
      ["secret"],
      "secret",
    ]);
    stageFile(at("staged/other"), { mode: 0o600 })[Symbol.dispose]();
    expect(readdirSync(at("staged"))).toEqual(["secret"]);
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
