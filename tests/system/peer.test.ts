import { expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../src/core/thrown.ts";
import { findPeer } from "../../src/system/peer.ts";
import { temporaryFolder } from "../harness/unibus.ts";

function codeThrown(act: () => unknown): string {
  try {
    return String(act());
  } catch (error) {
    return codeOf(error);
  }
}

test("who listens on a socket is known by its user, by however long a path", () => {
  using folder = temporaryFolder();
  const long = join(folder.path, "x".repeat(120));
  mkdirSync(long);
  for (const path of [join(folder.path, "s"), join(long, "s")]) {
    const server = Bun.serve({ unix: path, fetch: () => new Response() });
    expect(findPeer(path)).toBe(process.getuid?.() ?? -1);
    server.stop(true);
  }
});

test.skipIf(process.getuid?.() !== 0)(
  `it is the process that counts, not the owner of the file${process.getuid?.() === 0 ? "" : " (needs root)"}`,
  async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "s");
    const code = `process.setuid(4343); Bun.listen({ unix: process.argv[1], socket: { data() {} } });
      console.log("ready");`;

    chmodSync(folder.path, 0o777);
    const child = Bun.spawn([process.execPath, "-e", code, path], { stdout: "pipe" });
    await child.stdout.getReader().read();
    chownSync(path, 0, 0);
    expect(findPeer(path)).toBe(4_343);
    child.kill("SIGKILL");
    await child.exited;
  },
);

test("where nobody listens the system's code says why", () => {
  using folder = temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  mkdirSync(at("folder"));
  writeFileSync(at("file"), "");
  symlinkSync("/nonexistent", at("dangling"));
  const codes = ["folder", "file", "dangling", "missing", "missing/s"].map((name) =>
    codeThrown(() => findPeer(at(name))),
  );
  expect(codes).toEqual(["ECONNREFUSED", "ECONNREFUSED", "ENOENT", "ENOENT", "ENOENT"]);
});
