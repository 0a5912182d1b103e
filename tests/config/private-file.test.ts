import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  FileFault,
  isOpenToOthers,
  readConfiguredFile,
  readSecretFile,
} from "../../src/config/private-file.ts";
import { CONFIG_FILE_BYTES_MAX } from "../../src/core/limits.ts";
import { Problem } from "../../src/core/problems.ts";
import { temporaryFolder } from "../harness/unibus.ts";

function secretFault(path: string): string {
  try {
    readSecretFile(path, "the password");
  } catch (error) {
    if (error instanceof Problem && error.code === "boot-refused") return error.detail;
    throw error;
  }
  throw new Error("nothing was refused");
}

function fileOf(folder: string, text: string, mode = 0o600): string {
  const path = join(folder, "secret");
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe("a secret is read from a file of its owner's [G-04]", () => {
  test.each([
    ["hunter2", "hunter2"],
    ["hunter2\n", "hunter2"],
    ["hunter2\r\n", "hunter2"],
    [" two words ", " two words "],
  ])("the text %j is the secret %j", (text, secret) => {
    using folder = temporaryFolder();
    expect(readSecretFile(fileOf(folder.path, text), "the password")).toBe(secret);
  });

  test.each([0o640, 0o604, 0o660, 0o644, 0o610, 0o601])(
    "a file of mode %o is refused, as others can open it",
    (mode) => {
      using folder = temporaryFolder();
      const detail = secretFault(fileOf(folder.path, "hunter2", mode));
      expect(detail).toContain(`mode 0${mode.toString(8)}`);
      expect(detail).toContain("chmod 600");
      expect(detail).not.toContain("hunter2");
    },
  );

  test("the file that a link leads to is judged", () => {
    using folder = temporaryFolder();
    const link = join(folder.path, "link");
    symlinkSync(fileOf(folder.path, "hunter2", 0o644), link);
    expect(secretFault(link)).toContain("can be read by others");
  });

  test.each([
    ["", "is empty"],
    ["\n", "is empty"],
    ["hunter2\nhunter3\n", "more than one line"],
    ["hunter2\u0000", "more than one line"],
  ])("a file with %j is refused", (text, why) => {
    using folder = temporaryFolder();
    const detail = secretFault(fileOf(folder.path, text));
    expect(detail).toContain(why);
    expect(detail).not.toContain("hunter");
  });

  test("a missing file is refused by name", () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "none");
    expect(secretFault(path)).toBe(
      `Cannot read the password from "${path}": the file does not exist`,
    );
  });
});

describe("only small, plain files are read", () => {
  function faultAt(path: string): string {
    try {
      readConfiguredFile(path, { secret: false });
    } catch (error) {
      if (error instanceof FileFault) return error.message;
      throw error;
    }
    throw new Error("nothing was refused");
  }

  test("a folder, a device and a pipe without a writer are refused at once", () => {
    using folder = temporaryFolder();
    const pipe = join(folder.path, "pipe");
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    mkdirSync(join(folder.path, "sub"));
    for (const path of [join(folder.path, "sub"), "/dev/zero", pipe]) {
      expect(faultAt(path)).toBe("is not a file");
    }
  });

  test("a path through a file does not exist", () => {
    using folder = temporaryFolder();
    expect(faultAt(join(fileOf(folder.path, "x"), "y"))).toBe("does not exist");
  });

  test("a file that is too large is refused", () => {
    using folder = temporaryFolder();
    const path = fileOf(folder.path, "x".repeat(CONFIG_FILE_BYTES_MAX + 1));
    expect(faultAt(path)).toContain(`more than ${CONFIG_FILE_BYTES_MAX} bytes`);
  });
});

describe("a secret file is open to others", () => {
  test.each([
    ["of its reader, for it alone", 1000, 0o600, 1000, false],
    ["of its reader, for a group too", 1000, 0o640, 1000, true],
    ["of root, handed to a group, as systemd and Kubernetes do", 0, 0o440, 1000, false],
    ["of root, handed to everybody", 0, 0o444, 1000, true],
    ["of root, that a group may write", 0, 0o460, 1000, true],
    ["of root, read by root, for a group too", 0, 0o640, 0, true],
    ["of somebody else, for a group too", 1001, 0o640, 1000, true],
  ])("or not: %s", (_what, uid, mode, reader, open) => {
    expect(isOpenToOthers({ uid, mode }, reader)).toBe(open);
  });
});
