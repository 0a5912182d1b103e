import { expect, test } from "bun:test";
import { closeSync, readFileSync, statSync, writeSync } from "node:fs";
import { makeMemoryFile, makeMemoryText } from "../../src/system/memory-file.ts";

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

test("a text in memory is read as often as one likes, by its owner alone, and is run by nobody", () => {
  using text = makeMemoryText("a text", "#!/bin/sh\n");
  const path = `/proc/${process.pid}/fd/${text.descriptor}`;
  expect([readFileSync(path, "utf8"), readFileSync(path, "utf8")]).toEqual(
    Array(2).fill("#!/bin/sh\n"),
  );
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(() => Bun.spawnSync([path])).toThrow();
});

test("a text in memory is replaced as a whole, by a shorter one too", () => {
  using text = makeMemoryText("a text", "first");
  const path = `/proc/${process.pid}/fd/${text.descriptor}`;
  for (const next of ["a longer one than the first", "short", "", "ü"]) {
    text.replace(next);
    expect(readFileSync(path, "utf8")).toBe(next);
  }
});

test("a text in memory is written to no other file once it has ended", () => {
  const text = makeMemoryText("a text", "a secret");
  text[Symbol.dispose]();
  using next = makeMemoryText("another", "as it was");
  // The system gives the lowest number that is free.
  expect(next.descriptor).toBe(text.descriptor);
  text.replace("a secret");
  text[Symbol.dispose]();
  expect(readFileSync(`/proc/${process.pid}/fd/${next.descriptor}`, "utf8")).toBe("as it was");
});
