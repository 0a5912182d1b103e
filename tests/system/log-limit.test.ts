import { describe, expect, test } from "bun:test";
import { createLog } from "../../src/system/log.ts";
import { createLogLimit } from "../../src/system/log-limit.ts";

/** A limit of three lines a second on a clock that the test turns. */
function openLimit() {
  const lines: string[] = [];
  const log = createLog({
    format: "json",
    write: (line) => void lines.push(JSON.parse(line).message),
  });
  let time = 1_000;
  const limit = createLogLimit({ log, what: "refused logins", perSecondMax: 3, now: () => time });
  return {
    lines,
    say: (words: string) => limit.say(() => log.info("said", words)),
    turn: (ms: number) => {
      time += ms;
    },
  };
}

describe("a limit of log lines", () => {
  test("lets so many through in a second and no more", () => {
    const { lines, say, turn } = openLimit();
    for (let at = 0; at < 1_000; at++) say(`${at}`);
    turn(999);
    say("still the same second");
    expect(lines).toEqual(["0", "1", "2"]);
  });

  test("tells with the first line of a later second how many were left out, once", () => {
    const { lines, say, turn } = openLimit();
    for (let at = 0; at < 10; at++) say(`${at}`);
    turn(5_000);
    say("later");
    say("and again");
    turn(1_000);
    say("later still");
    expect(lines.slice(3)).toEqual([
      "7 more lines about refused logins were left out",
      "later",
      "and again",
      "later still",
    ]);
  });

  test("tells nothing of what was left out when nothing was", () => {
    const { lines, say, turn } = openLimit();
    say("one");
    turn(1_000);
    say("two");
    expect(lines).toEqual(["one", "two"]);
  });

  test("does not even make a line that is left out", () => {
    const { turn } = openLimit();
    let made = 0;
    const limit = createLogLimit({
      log: createLog({ format: "json", write: () => undefined }),
      what: "anything",
      perSecondMax: 2,
      now: () => 0,
    });
    for (let at = 0; at < 5; at++) limit.say(() => made++);
    turn(0);
    expect(made).toBe(2);
  });
});
