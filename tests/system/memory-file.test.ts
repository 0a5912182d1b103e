import { expect, test } from "bun:test";
import { closeSync, writeSync } from "node:fs";
import { makeMemoryFile } from "../../src/system/memory-file.ts";

test("a file in memory holds what it was made of, and can be run", async () => {
  const script = "#!/bin/sh\necho run from memory\n";
  const file = await makeMemoryFile("a program", new Blob([script]));
  try {
    const path = `/proc/${process.pid}/fd/${file}`;
    expect(await Bun.file(path).text()).toBe(script);
    const ran = Bun.spawnSync([path]);
    expect(ran.stdout.toString()).toBe("run from memory\n");
  } finally {
    closeSync(file);
  }
});

test("a file in memory cannot be changed, cut or made longer by anybody", async () => {
  const file = await makeMemoryFile("a program", new Blob(["as it was"]));
  try {
    expect(() => writeSync(file, "x", 0)).toThrow("EPERM");
    expect(() => writeSync(file, "x", 100)).toThrow("EPERM");
    const other = Bun.spawnSync(["sh", "-c", `: > /proc/${process.pid}/fd/${file}`]);
    expect(other.success).toBe(false);
    expect(await Bun.file(`/proc/${process.pid}/fd/${file}`).text()).toBe("as it was");
  } finally {
    closeSync(file);
  }
});
