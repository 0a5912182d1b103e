import { expect, test } from "bun:test";
import type { LoginRequest } from "../../src/nats/login-request.ts";
import { createRefusalReporter } from "../../src/nats/refusal-reporter.ts";
import { createRefusals } from "../../src/nats/refusals.ts";
import { createLog } from "../../src/system/log.ts";
import { aUser } from "../harness/builders.ts";

const alice = aUser("alice");

function aRequest(nkey: string): LoginRequest {
  const credentials = { nkey, signature: "", nonce: "", other: true };
  return { userNkey: alice, connection: 1, address: "192.0.2.7", clientText: "", credentials };
}

function aReporter() {
  const lines: string[] = [];
  const refusals = createRefusals();
  const log = createLog({ format: "json", write: (line) => void lines.push(line) });
  const clock = { at: 0 };
  const reporter = createRefusalReporter({ refusals, log, now: () => clock.at });
  return { reporter, refusals, lines, clock };
}

test("a refusal is recorded and logged with the key that was offered, and with no other text", () => {
  const { reporter, refusals, lines } = aReporter();
  reporter.report(aRequest(alice), "key-unknown", false);
  reporter.report(aRequest("hunter2"), "key-malformed", true);
  expect(refusals.report().last.map(({ user, admitted }) => [user, admitted])).toEqual([
    [alice, false],
    ["", true],
  ]);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { event: "login.refused", reason: "key-unknown", user: alice, address: "192.0.2.7" },
    { event: "login.refused", reason: "key-malformed", user: "" },
  ]);
  expect(lines.join()).not.toContain("hunter2");
});

test("a flood takes twenty lines of a second, and one of the next that counts the rest", () => {
  const { reporter, lines, clock } = aReporter();
  for (let at = 0; at < 100; at++) reporter.report(aRequest(alice), "key-unknown", false);
  expect(lines).toHaveLength(20);
  clock.at += 1_000;
  reporter.report(aRequest(alice), "key-unknown", false);
  expect(lines).toHaveLength(22);
  expect(JSON.parse(lines[20] ?? "")).toMatchObject({ event: "log.shortened", unsaid: 80 });
});

test("answers held back are given at the end of the service, each once, and none is held after that", () => {
  const { reporter } = aReporter();
  const answered: number[] = [];
  for (let at = 0; at < 5; at++) reporter.answerLate(aRequest(alice), () => answered.push(at));
  expect(answered).toEqual([0]);
  reporter.answerHeld();
  expect(answered).toEqual([0, 1, 2, 3, 4]);
  reporter.answerLate(aRequest(alice), () => answered.push(5));
  reporter.answerHeld();
  expect(answered).toEqual([0, 1, 2, 3, 4, 5]);
});
