import { describe, expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { join } from "node:path";
import { NATS_LINES_WAITING_MAX } from "../../src/core/limits.ts";
import { readNatsLog } from "../../src/nats/log-reader.ts";
import type { NatsLogLine } from "../../src/nats/server-log.ts";
import { makePipe } from "../../src/system/pipe.ts";
import { eventually } from "../harness/eventually.ts";
import { temporaryFolder } from "../harness/unibus.ts";

/** Runs a shell script whose stderr is read as nats-server's log. */
function logOf(script: string, cwd: string) {
  const pipe = makePipe();
  const child = Bun.spawn(["sh", "-c", script], {
    cwd,
    stdio: ["ignore", "ignore", pipe.write],
  });
  closeSync(pipe.write);
  const lines: NatsLogLine[] = [];
  const dropped: number[] = [];
  const ended = readNatsLog(pipe.read, (more, lost) => {
    lines.push(...more);
    dropped.push(lost);
  });
  return { child, lines, dropped, ended };
}

/** Keeps this thread busy until a file is there. Says whether it came. */
function blockUntil(file: string, cwd: string): boolean {
  const wait = `while [ ! -e ${file} ]; do sleep 0.01; done`;
  return Bun.spawnSync(["sh", "-c", wait], { cwd, timeout: 20_000 }).success;
}

const REFUSED = '[1] [ERR] 127.0.0.1:1 - cid:1 - "v1" - authentication error';
const REFUSALS = 20_000;

describe("the log of nats-server", () => {
  test("tells what matters, in order, and its end", async () => {
    using folder = temporaryFolder();
    const said = [
      "[1] [INF] Listening for client connections on 127.0.0.1:4250",
      "[1] [INF] Server is ready",
      REFUSED,
      "[1] [WRN] low on disk",
      "nats-server: bad flag",
    ];
    const script = said.map((line) => `echo '${line}' >&2`).join("; ");
    const { lines, dropped, ended } = logOf(script, folder.path);
    await ended;
    expect(lines.map(({ level, listensOn, ready }) => [level, listensOn, ready])).toEqual([
      ["info", 4250, false],
      ["info", null, true],
      ["warn", null, false],
      ["fatal", null, false],
    ]);
    expect(dropped.filter((lost) => lost > 0)).toEqual([]);
  });

  test("never makes nats-server wait for a busy main thread, however much clients cause", async () => {
    using folder = temporaryFolder();
    const script = `echo '[1] [WRN] begun' >&2
      while [ ! -e busy ]; do sleep 0.01; done
      yes '${REFUSED}' | head -n ${REFUSALS} >&2
      touch written`;
    const { lines, ended } = logOf(script, folder.path);
    await eventually(() => lines.length > 0);
    await Bun.write(join(folder.path, "busy"), "");
    expect(blockUntil("written", folder.path)).toBeTrue();
    await ended;
    expect(lines.map(({ text }) => text)).toEqual(["begun"]);
  });

  test("is kept up to a bound while the main thread is busy; what is dropped is counted", async () => {
    using folder = temporaryFolder();
    const many = NATS_LINES_WAITING_MAX * 3;
    const script = `echo '[1] [WRN] begun' >&2
      while [ ! -e busy ]; do sleep 0.01; done
      seq -f '[1] [WRN] line %g' ${many} >&2
      touch written`;
    const { lines, dropped, ended } = logOf(script, folder.path);
    await eventually(() => lines.length > 0);
    await Bun.write(join(folder.path, "busy"), "");
    expect(blockUntil("written", folder.path)).toBeTrue();
    await ended;
    const lost = dropped.reduce((sum, one) => sum + one, 0);
    expect(lines.length + lost).toBe(many + 1);
    expect(lost).toBeGreaterThan(0);
    expect(lines.slice(0, 3).map(({ text }) => text)).toEqual(["begun", "line 1", "line 2"]);
  });
});
