import { describe, expect, test } from "bun:test";
import { readNatsLine } from "../../src/nats/server-log.ts";
import { aUser } from "../harness/builders.ts";

const alice = aUser("alice");
const mallory = aUser("mallory");
const CLIENT = "127.0.0.1:34392 - cid:17";
const IN = `"v3.4.0:nats.js:phone" - "APP/user:${alice}"`;

/** A line as nats-server writes it with `logtime: false`. */
function line(level: string, text: string): string {
  return `[4711] [${level}] ${text}`;
}

describe("a line of nats-server's log", () => {
  test.each([
    ["INF", "info"],
    ["WRN", "warn"],
    ["ERR", "error"],
    ["FTL", "fatal"],
    ["DBG", "other"],
    ["TRC", "other"],
  ] as const)("of level %s is %s", (mark, level) => {
    expect(readNatsLine(line(mark, "words"))).toMatchObject({ level, text: "words" });
  });

  test("with a time in front says the same", () => {
    const read = readNatsLine("[1] 2026/11/22 05:10:35.123456 [INF] Server is ready");
    expect(read).toMatchObject({ level: "info", text: "Server is ready", ready: true });
  });

  test("tells the port and that the server is ready, if it is the server's own", () => {
    expect(
      readNatsLine(line("INF", "Listening for client connections on 127.0.0.1:4250")),
    ).toMatchObject({ listensOn: 4250, ready: false });
    expect(readNatsLine(line("INF", "Listening for client connections on [::1]:1")).listensOn).toBe(
      1,
    );
    for (const text of [
      `${CLIENT} - "Server is ready"`,
      `${CLIENT} - Listening for client connections on x:1`,
      "Server is ready now",
    ]) {
      expect(readNatsLine(line("INF", text))).toMatchObject({ listensOn: null, ready: false });
    }
  });

  test("tells that streams are given up, if it is the server's own", () => {
    for (const what of ["", "File ", "Memory "]) {
      const text = `JetStream out of ${what}resources, will be DISABLED`;
      expect(readNatsLine(line("ERR", text)).streamsGivenUp).toBeTrue();
      expect(readNatsLine(line("ERR", `${CLIENT} - ${text}`)).streamsGivenUp).toBeFalse();
    }
  });

  test("tells how a reload ended, if it is the server's own", () => {
    const done = "Reloaded server configuration (sha256:0f)";
    const failed = "Failed to reload server configuration: x.conf:1:1: no such file";
    expect(readNatsLine(line("INF", done)).reload).toBe("done");
    expect(readNatsLine(line("ERR", failed))).toMatchObject({ reload: "failed", text: failed });
    for (const text of ["Reloaded: tls = enabled", `${CLIENT} - ${done}`, `x ${failed}`]) {
      expect(readNatsLine(line("INF", text)).reload).toBeNull();
    }
  });

  test("before there is a log is fatal when the program says it", () => {
    expect(readNatsLine("nats-server: no such flag").level).toBe("fatal");
    expect(readNatsLine("flock: failed").level).toBe("fatal");
    expect(readNatsLine("other words").level).toBe("other");
  });

  test.each([
    `${CLIENT} - authentication error - Nkey "${alice}"`,
    `${CLIENT} - authentication error - User "bob"`,
    `${CLIENT} - authentication error`,
    `${CLIENT} - TLS handshake error: EOF`,
    `${CLIENT} - Readloop processing time: 10ms`,
    'Auth callout violation: "no reason supplied" on account "AUTH"',
  ])("is expected where unibus tells the reason itself: %s", (text) => {
    expect(readNatsLine(line("ERR", text)).expected).toBe(true);
  });

  test("is not made expected by a client's name", () => {
    const named = `${CLIENT} - "authentication error" - "APP/user:${alice}" - Slow Consumer`;
    expect(readNatsLine(line("WRN", named)).expected).toBe(false);
  });
});

describe("a violation", () => {
  test("of a publish, a reply or a subscription tells who, from where, and the subject", () => {
    const about = { address: "127.0.0.1", user: alice, subject: "rm.x" };
    const texts = [
      ['Publish Violation - Subject "rm.x"', "publish"],
      ['Publish Violation - Reply "rm.x"', "publish"],
      ['Subscription Violation - Subject "rm.x", SID 1', "subscribe"],
      ['Subscription Violation - Subject "rm.x", Queue: "q", SID 1', "subscribe"],
    ] as const;
    for (const [text, kind] of texts) {
      const read = readNatsLine(line("ERR", `${CLIENT} - ${IN} - ${text}`));
      expect(read.violation).toEqual({ ...about, kind });
      expect(read.ofClient).toBe(true);
    }
  });

  test("of a client that says nothing about itself is its user's, too", () => {
    const text = `[::1]:1 - cid:1 - "APP/user:${alice}" - Publish Violation - Subject "x"`;
    expect(readNatsLine(line("ERR", text)).violation).toMatchObject({
      address: "[::1]",
      user: alice,
    });
    const anonymous = `${CLIENT} - "name" - Publish Violation - Subject "x"`;
    expect(readNatsLine(line("ERR", anonymous)).violation).toMatchObject({ user: "" });
  });

  test.each([
    `x:${mallory}`,
    `APP/user:${mallory}`,
    `x\\" - \\"APP/user:${mallory}`,
    `\\" - \\"APP/user:${mallory}\\" - Publish Violation - Subject \\"forged\\"`,
    "Publish Violation - Subject ",
    "\\\\",
    '\\"',
  ])("is never put on somebody else, nor on another subject, by a client's name: %s", (name) => {
    const text = `${CLIENT} - "${name}" - "APP/user:${alice}" - Publish Violation - Subject "x"`;
    expect(readNatsLine(line("ERR", text)).violation).toEqual({
      kind: "publish",
      address: "127.0.0.1",
      user: alice,
      subject: "x",
    });
  });

  test("tells a subject with quotes as it was, and other escapes as they are written", () => {
    const text = `${CLIENT} - ${IN} - Publish Violation - Subject "a\\"b\\\\c\\x1b[2J"`;
    expect(readNatsLine(line("ERR", text)).violation?.subject).toBe('a"b\\c\\x1b[2J');
  });

  test("is none where its words are a client's, or no error", () => {
    const words = 'Publish Violation - Subject "x"';
    expect(readNatsLine(line("INF", `${CLIENT} - ${IN} - ${words}`)).violation).toBeNull();
    expect(readNatsLine(line("ERR", words)).violation).toBeNull();
    expect(readNatsLine(line("ERR", `${CLIENT} - "${words}`)).violation).toBeNull();
  });
});

test("of what a client sent nothing is passed on: it may be part of a password", () => {
  const texts = [
    `Client parser ERROR, state=14, i=5: proto='"XT {\\"pass\\":\\"hunter2\\"}\\r"...'`,
    `processSub Parse Error: "a b hunter2"`,
    `maximum control line exceeded - State 1, Buffer len 0 (snip: "{\\"pass\\":\\"hunter2"...)`,
  ];
  for (const text of texts) {
    const read = readNatsLine(line("ERR", `${CLIENT} - ${IN} - ${text}`));
    expect(read.text).toStartWith(`${CLIENT} - ${IN} - ${text.slice(0, 10)}`);
    expect(read.text).not.toContain("hunter2");
    expect(read).toMatchObject({ ofClient: true, violation: null });
  }
  // The server's own words stay whole.
  const own = 'Error listening on port: "0.0.0.0:4250"';
  expect(readNatsLine(line("FTL", own))).toMatchObject({ text: own, ofClient: false });
});

describe("a line about a route", () => {
  test("tells the other end and what became of it, without the other's words [M-092]", () => {
    const read = readNatsLine(
      line("ERR", '10.0.0.9:53 - rid:12 - authentication error - User "hunter2"'),
    );
    expect(read.route).toEqual({
      address: "10.0.0.9:53",
      why: 'authentication error - User "…"',
    });
    expect(read).toMatchObject({ ofClient: false, violation: null });
  });

  test("tells a node that was not reached", () => {
    const why = "dial tcp 10.0.0.2:6250: connect: connection refused";
    const text = `Error trying to connect to route (attempt 1): ${why}`;
    expect(readNatsLine(line("ERR", text)).route).toEqual({ address: "", why });
  });

  test.each(['Unknown account "AUTH_n2"', 'Unable to lookup account "AUTH_n2": account missing'])(
    "is expected where it is about the account of another node's logins: %s",
    (said) => {
      const read = readNatsLine(line("WRN", `10.0.0.2:6250 - rid:7 - ${said}`));
      expect(read).toMatchObject({ route: null, expected: true });
    },
  );

  test("is none where a client says its words", () => {
    const text = `${CLIENT} - "x:6250 - rid:7 - y" - authentication error`;
    expect(readNatsLine(line("ERR", text)).route).toBeNull();
  });

  test("that routes are listened for comes last, if the server itself says it", () => {
    const text = "Listening for route connections on 127.0.0.1:6250";
    expect(readNatsLine(line("INF", text))).toMatchObject({ routesReady: true, listensOn: null });
    expect(readNatsLine(line("INF", `${CLIENT} - ${text}`)).routesReady).toBe(false);
  });

  test("the server's own question for its health is no news while the others are missing", () => {
    const text = "Healthcheck failed: JetStream is not current with the meta leader";
    expect(readNatsLine(line("WRN", text)).expected).toBe(true);
  });
});

test.each([
  [`${CLIENT} - ${IN} - Client parser ERROR, state=0, i=0: proto='"PASS x"...'`, true],
  [`${CLIENT} - ${IN} - maximum payload exceeded: 2000000 vs 1048576`, true],
  [`${CLIENT} - ${IN} - maximum subscriptions exceeded`, true],
  [`${CLIENT} - ${IN} - processSub Parse Error: "a b c d"`, true],
  [`${CLIENT} - ${IN} - Client Error 'Problem registering with account'`, true],
  [`${CLIENT} - "Problem registering with account" - "APP/user:${alice}" - read error: EOF`, true],
  [`${CLIENT} - ${IN} - Problem registering with account "APP": no such account`, false],
  [`${CLIENT} - invalid subscribe allow subject "rm.>."`, false],
  ["JetStream resource limits exceeded for server", false],
])("an error is a client's own, or the server's: %s", (text, isClients) => {
  expect(readNatsLine(line("ERR", text))).toMatchObject({ level: "error", clientFault: isClients });
  expect(readNatsLine(line("WRN", text)).clientFault).toBe(false);
});
