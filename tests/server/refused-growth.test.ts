// Tries src/server/write-path.ts on a whole node: what refused changes leave behind.
import { expect, test } from "bun:test";
import { growByRefusals } from "../harness/refused-changes.ts";
import { startUnibus } from "../harness/unibus.ts";

test("a user without rights who changes things in vain at its full rate does not fill a node's disk", async () => {
  await using unibus = await startUnibus();
  const { told, grownBytes, entries } = await growByRefusals("one node", [unibus]);
  expect([...told]).toEqual(["404 room-not-found"]);
  expect(entries).toBe(0);
  expect(grownBytes).toBeLessThanOrEqual(200_000);
}, 900_000);
