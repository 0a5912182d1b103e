import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { WITHDRAWN_PROMISES } from "../../src/core/external-nats.ts";
import * as limits from "../../src/core/limits.ts";
import * as nkeys from "../../src/core/nkey.ts";
import { EXIT } from "../../src/core/problems.ts";
import * as outside from "../harness/nkey.ts";
import * as promises from "../harness/promises.ts";

test("what the tests of processes take for promised is what the sources say", () => {
  const { EXIT: exit, WITHDRAWN_PROMISES: withdrawn, ...numbers } = promises;
  expect(exit).toEqual(EXIT);
  expect([...withdrawn]).toEqual([...WITHDRAWN_PROMISES]);
  expect(Object.keys(numbers).length).toBeGreaterThan(0);
  expect({ ...limits }).toMatchObject(numbers);
});

test("they write keys as the sources do", () => {
  for (const kind of ["account", "server", "user"] as const) {
    const bytes = randomBytes(32);
    expect(outside.encodeNkey(kind, bytes)).toBe(nkeys.encodeNkey(kind, bytes));
  }
});
