import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync } from "node:fs";
import { join } from "node:path";
import { loggedIn, serveRemote } from "../harness/remote-node.ts";

setDefaultTimeout(20_000);

const SOMEBODY_ELSE = 12_345;

test("a profile in a folder open to its group, or that another user put there, leads nobody to its node", async () => {
  // Who may not give files away cannot be made to have one of somebody else's.
  if (process.getuid?.() !== 0) return;
  await using node = await serveRemote();
  using one = await loggedIn(node);
  const { dataDir } = one.machine;
  expect((await one.machine.cli("whoami")).code).toBe(0);
  chmodSync(dataDir, 0o770);
  const open = await one.machine.cli("whoami");
  expect([open.code, open.stderr]).toEqual([3, expect.stringContaining("chmod g-w")]);
  // What was put there stays when the folder is closed again.
  chmodSync(dataDir, 0o700);
  chownSync(join(dataDir, "profile.json"), SOMEBODY_ELSE, SOMEBODY_ELSE);
  const before = node.asked().length;
  const { code, stderr } = await one.machine.cli("whoami");
  expect([code, stderr]).toEqual([3, expect.stringContaining("belongs to another user")]);
  expect(node.asked()).toHaveLength(before);
});
