import { describe, expect, test } from "bun:test";
import { STRANGER_LOGINS_BURST, STRANGER_LOGINS_PER_SECOND } from "../../src/core/limits.ts";
import type { LoginRequest } from "../../src/nats/login-request.ts";
import { createRefusalReporter, type RefusalReporter } from "../../src/nats/refusal-reporter.ts";
import { createRefusals } from "../../src/nats/refusals.ts";
import { createLog } from "../../src/system/log.ts";
import { aUser } from "../harness/builders.ts";

const alice = aUser("alice");

function aRequest(nkey: string, address = "192.0.2.7"): LoginRequest {
  const credentials = { nkey, signature: "", nonce: "", other: true };
  const told = { userNkey: alice, connection: 1, clientText: "", askedAt: 0 };
  return { ...told, address, credentials };
}

const ignore = (): void => undefined;

function aReporter() {
  const lines: string[] = [];
  const refusals = createRefusals();
  const log = createLog({ format: "json", write: (line) => void lines.push(line) });
  const clock = { at: 0 };
  const reporter = createRefusalReporter({
    ...{ refusals, log },
    now: () => clock.at,
    elapsed: () => clock.at,
  });
  return { reporter, refusals, lines, clock };
}

test("a refusal is recorded and logged with the key that was offered, and with no other text", () => {
  const { reporter, refusals, lines } = aReporter();
  reporter.refuse(aRequest(alice), "key-unknown", ignore);
  reporter.tellAdmitted(aRequest("hunter2"), "key-malformed");
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
  for (let at = 0; at < 100; at++) reporter.refuse(aRequest(alice), "key-unknown", ignore);
  expect(lines).toHaveLength(20);
  clock.at += 1_000;
  reporter.refuse(aRequest(alice), "key-unknown", ignore);
  expect(lines).toHaveLength(22);
  expect(JSON.parse(lines[20] ?? "")).toMatchObject({ event: "log.shortened", unsaid: 80 });
});

test("answers held back are given at the end of the service, each once, and none is held after that", () => {
  const { reporter } = aReporter();
  const answered: number[] = [];
  const refuse = (at: number): void =>
    reporter.refuse(aRequest(alice), "key-unknown", () => answered.push(at));
  for (let at = 0; at < 5; at++) refuse(at);
  expect(answered).toEqual([0]);
  reporter.answerHeld();
  expect(answered).toEqual([0, 1, 2, 3, 4]);
  refuse(5);
  reporter.answerHeld();
  expect(answered).toEqual([0, 1, 2, 3, 4, 5]);
});

describe("a flood of logins that prove no key", () => {
  function flood(reporter: RefusalReporter, address = "192.0.2.7"): { answered: number } {
    const told = { answered: 0 };
    for (let at = 0; at < 10_000; at++) {
      reporter.refuse(aRequest("", address), "no-credentials", () => told.answered++);
    }
    return told;
  }

  test("has a part told and held back, the rest only counted and answered at once", () => {
    const { reporter, refusals, clock } = aReporter();
    const flooded = flood(reporter);
    expect(flooded.answered).toBe(10_000 - STRANGER_LOGINS_BURST + 1);
    expect(refusals.report().counts).toEqual({ "login.no-credentials": 10_000 });
    clock.at += 1_000;
    expect(flood(reporter).answered).toBe(10_000 - STRANGER_LOGINS_PER_SECOND);
    reporter.answerHeld();
  });

  test("holds back neither who proved a key at that address nor strangers at another", () => {
    const { reporter, refusals } = aReporter();
    flood(reporter);
    const answered: string[] = [];
    for (const reason of ["user-revoked", "connections-full", "client-text"] as const) {
      const proved = aRequest(aUser(reason));
      reporter.refuse(proved, reason, () => answered.push(reason));
      expect(refusals.report().last.at(-1)).toMatchObject({ reason });
    }
    reporter.refuse(aRequest("", "192.0.2.8"), "no-credentials", () => answered.push("stranger"));
    expect(answered).toEqual(["user-revoked", "connections-full", "client-text", "stranger"]);
    reporter.answerHeld();
  });

  test("under a user's key takes nothing from that user", () => {
    const { reporter } = aReporter();
    let answered = 0;
    for (let at = 0; at < 1_000; at++) {
      reporter.refuse(aRequest(alice), "signature-wrong", ignore);
    }
    reporter.refuse(aRequest(alice), "connections-full", () => answered++);
    expect(answered).toBe(1);
    // What the user itself repeats is held back.
    reporter.refuse(aRequest(alice), "connections-full", () => answered++);
    expect(answered).toBe(1);
    reporter.answerHeld();
  });

  test("leaves no trace but a number of requests that came too late", () => {
    const { reporter, refusals, lines } = aReporter();
    for (let at = 0; at < 100; at++) reporter.countLate();
    expect(refusals.report()).toEqual({ counts: { "login.request-late": 100 }, last: [] });
    expect(lines).toEqual([]);
  });
});
