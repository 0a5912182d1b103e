import { describe, expect, test } from "bun:test";
import { createLog, type Log, logFormatOf } from "../../src/system/log.ts";

const AT = new Date("2026-11-22T05:10:35.123Z");
/** What a client may put into a name or a subject to forge lines or to command a terminal. */
const HOSTILE = 'a\nb\r\nc\td\u0000e\u001b[2Jf\u007fg\u0085h\u009b2Ji\u2028j\u2029k"l\\m';
/** Whatever some reader takes for the end of a line, or a terminal for a command. */
const BREAKS = /[\p{Cc}\p{Zl}\p{Zp}]/u;

function gather(format: "text" | "json"): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const log = createLog({ format, write: (line) => void lines.push(line), now: () => AT });
  return { log, lines };
}

describe("a line of the log [M-055]", () => {
  test("in text has the time, the name of the program and the message", () => {
    const { log, lines } = gather("text");
    log.info("node.ready", "the node is ready", { port: 1 });
    log.warn("node.slow", "the node is slow");
    log.error("node.failed", "the node failed");
    expect(lines).toEqual([
      "2026-11-22T05:10:35.123Z [unibus] the node is ready\n",
      "2026-11-22T05:10:35.123Z [unibus] WARN: the node is slow\n",
      "2026-11-22T05:10:35.123Z [unibus] ERROR: the node failed\n",
    ]);
  });

  test("in JSON has the same sentence, with level, event and fields", () => {
    const { log, lines } = gather("json");
    log.info("node.ready", "the node is ready", { port: 1, names: ["a"], none: null, on: true });
    log.warn("node.slow", "the node is slow");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        time: "2026-11-22T05:10:35.123Z",
        level: "info",
        event: "node.ready",
        message: "the node is ready",
        port: 1,
        names: ["a"],
        none: null,
        on: true,
      },
      {
        time: "2026-11-22T05:10:35.123Z",
        level: "warn",
        event: "node.slow",
        message: "the node is slow",
      },
    ]);
  });

  test.each(["text", "json"] as const)(
    "in %s stays one line and commands no terminal, whatever a client sent",
    (format) => {
      const { log, lines } = gather(format);
      log.info("login.refused", HOSTILE, { address: HOSTILE });
      const [line = ""] = lines;
      expect(lines).toHaveLength(1);
      expect(line).toEndWith("\n");
      expect(line.slice(0, -1)).not.toMatch(BREAKS);
      if (format === "json") expect(JSON.parse(line)).toMatchObject({ message: HOSTILE });
      else expect(line).toContain(String.raw`a\nb\r\nc\td\u0000e\u001b[2Jf\u007fg`);
    },
  );

  test("keeps its own time, level, event and message, whatever a field is called", () => {
    const { log, lines } = gather("json");
    log.info("node.ready", "ready", { time: "x", level: "x", event: "x", message: "x" });
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      time: AT.toISOString(),
      level: "info",
      event: "node.ready",
      message: "ready",
    });
  });

  test("in text keeps other letters than those of English", () => {
    const { log, lines } = gather("text");
    log.info("room.made", "Zoë 会议 🎉");
    expect(lines[0]).toContain("Zoë 会议 🎉");
  });
});

test("auto is text on a terminal and JSON for everything else [M-055]", () => {
  expect(logFormatOf("auto", true)).toBe("text");
  expect(logFormatOf("auto", false)).toBe("json");
  expect(logFormatOf("text", false)).toBe("text");
  expect(logFormatOf("json", true)).toBe("json");
});
