import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readTlsPair, type TlsPair } from "../../src/config/tls-files.ts";
import { ageOf } from "../../src/core/certificate-life.ts";
import { Problem } from "../../src/core/problems.ts";
import type { TlsReload } from "../../src/nats/server-run.ts";
import { ageWords, createRenewal, renewPlanes } from "../../src/server/tls-renewal.ts";
import { createLog } from "../../src/system/log.ts";
import { type CertificateFiles, writeCertificates } from "../harness/certificates.ts";
import { type LogLine, temporaryFolder } from "../harness/unibus.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.UTC(2026, 0, 5);
const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
let certificates: Readonly<
  Record<"first" | "second" | "third" | "short" | "late", CertificateFiles>
>;

beforeAll(async () => {
  const make = (name: string, from: number, to: number) =>
    writeCertificates(join(folder.path, name), { from, to });
  certificates = {
    first: await make("first", START - DAY_MS, START + 90 * DAY_MS),
    second: await make("second", START - DAY_MS, START + 90 * DAY_MS),
    third: await make("third", START - DAY_MS, START + 90 * DAY_MS),
    short: await make("short", START - HOUR_MS, START + 12 * HOUR_MS),
    late: await make("late", START + HOUR_MS, START + 90 * DAY_MS),
  };
});

let places = 0;

/** A node's certificate in files of its own, with a clock that a test sets. */
function startWith(
  name: keyof typeof certificates,
  options: { readonly answer?: () => TlsReload; readonly disturbs?: boolean } = {},
) {
  const at = join(folder.path, `place-${++places}`);
  mkdirSync(at);
  const files = { cert: join(at, "tls.crt"), key: join(at, "tls.key"), what: "NATS TLS" } as const;
  const lines: LogLine[] = [];
  const log = createLog({ format: "json", write: (line) => void lines.push(JSON.parse(line)) });
  let now = START;
  const put = (which: keyof typeof certificates): void => {
    copyFileSync(certificates[which].cert, files.cert);
    copyFileSync(certificates[which].key, files.key);
  };
  put(name);
  let inUse: TlsPair = readTlsPair(files, now);
  let renewals = 0;
  const renewal = createRenewal({
    files,
    inUse: () => inUse,
    renew: async (pair) => {
      renewals++;
      const answer = options.answer?.() ?? { kind: "loaded" };
      if (answer.kind === "loaded") inUse = pair;
      return answer;
    },
    disturbs: options.disturbs ?? true,
    now: () => now,
    log,
  });
  return {
    files,
    put,
    lines,
    /** Lets time pass, and looks. */
    async look(afterMs = 1_000, times = 1) {
      for (let done = 0; done < times; done++) {
        now += afterMs;
        await renewal.check();
      }
    },
    events: () => lines.map(({ event }) => event),
    serves: () =>
      Object.entries(certificates).find(([, { cert }]) => readPem(cert) === inUse.certPem)?.[0],
    get renewals() {
      return renewals;
    },
  };
}

function readPem(cert: string): string {
  return readTlsPair(
    { cert, key: cert.replace(/crt$/, "key"), what: "NATS TLS" },
    START + 2 * HOUR_MS,
  ).certPem;
}

describe("files that changed", () => {
  test("are believed when two looks saw the same", async () => {
    const node = startWith("first");
    await node.look();
    node.put("second");
    await node.look();
    node.put("third");
    await node.look();
    expect([node.serves(), node.renewals]).toEqual(["first", 0]);
    await node.look();
    expect([node.serves(), node.renewals]).toEqual(["third", 1]);
    await node.look(1_000, 5);
    expect([node.renewals, node.events()]).toEqual([1, []]);
  });

  test("and change back before anything was done are as if they had not", async () => {
    const node = startWith("first");
    node.put("second");
    await node.look();
    node.put("first");
    await node.look(1_000, 3);
    expect([node.serves(), node.renewals, node.lines]).toEqual(["first", 0, []]);
  });

  test("to a pair that does not fit are waited for, and told once", async () => {
    const node = startWith("first");
    copyFileSync(certificates.second.cert, node.files.cert);
    await node.look(1_000, 10);
    expect(node.events()).toEqual(["tls.unusable"]);
    expect(node.lines[0]?.message).toContain("the one in use stays, valid until 2026-04-05");
    copyFileSync(certificates.second.key, node.files.key);
    await node.look(1_000, 2);
    expect(node.serves()).toBe("second");
  });

  test("that are away for a moment are waited for, and told again when it happens again", async () => {
    const node = startWith("first");
    for (const times of [1, 2]) {
      rmSync(node.files.key);
      await node.look(1_000, 3);
      expect(node.events()).toEqual(Array(times).fill("tls.unusable"));
      node.put("first");
      await node.look();
    }
    expect(node.renewals).toBe(0);
  });

  test("to a certificate that is not valid yet are served when it is", async () => {
    const node = startWith("first");
    node.put("late");
    await node.look(1_000, 3);
    expect(node.lines[0]?.message).toContain("is not valid before");
    await node.look(HOUR_MS);
    expect([node.serves(), node.events()]).toEqual(["late", ["tls.unusable"]]);
  });
});

describe("renewals", () => {
  test("are one a day at most; the log says once until when a change has to wait", async () => {
    const node = startWith("first");
    node.put("second");
    await node.look(1_000, 2);
    const renewedAt = START + 2_000;
    node.put("third");
    await node.look(1_000, 100);
    expect([node.serves(), node.events()]).toEqual(["second", ["tls.postponed"]]);
    const due = new Date(renewedAt + DAY_MS).toISOString();
    expect(node.lines[0]?.message).toStartWith(`the new certificate is served from ${due} on`);
    await node.look(DAY_MS - 101_000);
    expect(node.serves()).toBe("second");
    await node.look(1_000);
    expect([node.serves(), node.renewals]).toEqual(["third", 2]);
  });

  test("wait no longer than the certificate in use is good for", async () => {
    const node = startWith("first");
    node.put("short");
    await node.look(1_000, 2);
    node.put("third");
    await node.look(10 * HOUR_MS, 1);
    await node.look(1_000);
    expect(node.serves()).toBe("short");
    await node.look(HOUR_MS);
    expect(node.serves()).toBe("third");
  });

  test("that disturb no client wait for nothing", async () => {
    const node = startWith("first", { disturbs: false });
    for (const name of ["second", "third", "first"] as const) {
      node.put(name);
      await node.look(1_000, 2);
      expect(node.serves()).toBe(name);
    }
  });

  test("that nats-server refuses are told with its reason, and not tried again until the files change", async () => {
    let answer: TlsReload = { kind: "refused", why: "a curve of the future" };
    const node = startWith("first", { answer: () => answer });
    node.put("second");
    await node.look(1_000, 10);
    expect([node.serves(), node.renewals, node.events()]).toEqual(["first", 1, ["tls.refused"]]);
    expect(node.lines[0]?.message).toContain("a curve of the future; the one in use stays");
    answer = { kind: "loaded" };
    node.put("third");
    await node.look(1_000, 2);
    expect(node.serves()).toBe("third");
  });

  test("that nats-server did not answer are tried again after a minute", async () => {
    let answer: TlsReload = { kind: "unanswered" };
    const node = startWith("first", { answer: () => answer });
    node.put("second");
    await node.look(1_000, 30);
    expect([node.renewals, node.events()]).toEqual([1, ["tls.refused"]]);
    answer = { kind: "loaded" };
    await node.look(1_000, 35);
    expect([node.serves(), node.renewals]).toEqual(["second", 2]);
  });
});

describe("a certificate's age", () => {
  const validity = { notBefore: 0, notAfter: 90 * DAY_MS };

  test.each([
    [60 * DAY_MS - 1, "good", /^valid until 1970-04-01T00:00:00.000Z$/],
    [60 * DAY_MS, "ending", /two thirds of its life over: renew it$/],
    [90 * DAY_MS, "ended", /^ended at .*: clients refuse it, renew it$/],
  ] as const)("at %d is %s", (at, age, words) => {
    expect(ageOf(validity, at)).toBe(age);
    expect(ageWords(validity, at)).toMatch(words);
  });

  test("is warned of from two thirds of its life on, once a day, until it is renewed", async () => {
    const node = startWith("short", { disturbs: false });
    await node.look(7 * HOUR_MS);
    expect(node.events()).toEqual([]);
    await node.look(HOUR_MS, 2);
    expect(node.events()).toEqual(["tls.aged"]);
    await node.look(DAY_MS);
    expect(node.lines.map(({ message }) => message)).toEqual([
      expect.stringContaining("two thirds of its life over"),
      expect.stringContaining("the certificate ended at"),
    ]);
    node.put("first");
    await node.look(HOUR_MS, 2);
    expect(node.serves()).toBe("first");
    await node.look(DAY_MS, 3);
    expect(node.events()).toEqual(["tls.aged", "tls.aged"]);
  });
});

describe("both planes", () => {
  /** Renews, and answers in which order things were done. */
  async function renew(answer: TlsReload, api: () => Promise<void> = async () => undefined) {
    const done: string[] = [];
    const { cert, key } = certificates.second;
    const pair = readTlsPair({ cert, key, what: "NATS TLS" }, START);
    const log = createLog({
      format: "json",
      write: (line) => void done.push(JSON.parse(line).event),
    });
    const renewed = await renewPlanes({
      pair,
      dataPlane: {
        renewTls: async () => {
          done.push("nats-server");
          return answer;
        },
      },
      listening: {
        renewTls: async () => {
          done.push("api");
          await api();
        },
      },
      use: () => void done.push("use"),
      log,
    }).catch((error: unknown) => error);
    return { done, renewed };
  }

  test("get it one after the other, announced before: the one first that may refuse it", async () => {
    const { done, renewed } = await renew({ kind: "loaded" });
    expect(renewed).toEqual({ kind: "loaded" });
    expect(done).toEqual(["tls.renewing", "nats-server", "use", "api", "tls.renewed"]);
  });

  test("keep the one in use when nats-server refuses the new one", async () => {
    const refused = { kind: "refused", why: "no" } as const;
    const { done, renewed } = await renew(refused);
    expect([renewed, done]).toEqual([refused, ["tls.renewing", "nats-server"]]);
  });

  test("end when the API lost its port by it", async () => {
    const lost = new Problem("start-failed", "http server: the port is taken");
    const { renewed } = await renew({ kind: "loaded" }, () => Promise.reject(lost));
    expect(renewed).toBe(lost);
  });
});
