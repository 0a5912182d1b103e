import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { openOwnDisk } from "../harness/own-disk.ts";
import { runProcess } from "../harness/run-process.ts";

setDefaultTimeout(20_000);

const SOURCE = join(import.meta.dir, "../../src/cli/secret-file.ts");
/** Keeps a secret on a disk that is full before it is made, or while it is. */
const PROGRAM = `
  const [source, folder, when] = process.argv.slice(1);
  const { closeSync, openSync, readdirSync, readFileSync, writeSync } = require("node:fs");
  const { keepSecret } = await import(source);
  function fill() {
    const file = openSync(folder + "/filler", "a");
    try { for (;;) writeSync(file, new Uint8Array(4096)); } catch {}
    closeSync(file);
  }
  let made = 0;
  const make = async () => { made++; if (when === "during") fill(); return { secret: "ubi_secret" }; };
  if (when === "before") fill();
  const fault = await keepSecret(folder + "/out", make).then(() => null, (error) => error.message);
  const files = readdirSync(folder).filter((name) => name !== "filler");
  const kept = files.map((name) => readFileSync(folder + "/" + name, "utf8"));
  console.log(JSON.stringify({ made, fault, files, kept }));
`;

test("a secret is not made where the disk has no room for it, and not lost when the disk fills while it is", async () => {
  for (const [when, outcome] of [
    [
      "before",
      { made: 0, fault: expect.stringContaining("the disk is full"), files: [], kept: [] },
    ],
    ["during", { made: 1, fault: null, files: ["out"], kept: ["ubi_secret\n"] }],
  ] as const) {
    await using disk = await openOwnDisk(256 * 1024);
    // Where no disk can be made, tests/server/disk.test.ts says what is missing.
    if (!disk) return;
    const words = [process.execPath, "-e", PROGRAM, SOURCE, disk.path, when];
    const { stdout, stderr } = await runProcess([...disk.prefix, ...words]);
    expect([stderr, JSON.parse(stdout)]).toEqual(["", outcome]);
  }
});
