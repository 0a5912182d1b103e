import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { openCallers } from "../harness/callers.ts";
import { count, recordProof } from "../harness/counts.ts";
import { openProxy, SIGN, signedBy } from "../harness/proxy.ts";
import { runProcess } from "../harness/run-process.ts";
import { type RunningUnibus, startUnibus, temporaryFolder } from "../harness/unibus.ts";

/** The fuzzer, from PyPI: another author's reading of what an OpenAPI document promises. */
const FUZZER = "schemathesis==4.32.5";
/** A valid request may be refused for what the bus is, which no schema can say. */
const EXCLUDED = ["positive_data_acceptance"];
const ROUNDS_MAX = 40;

const fuzzer = await installFuzzer();
const unless = fuzzer === null ? " (skipped: python3 with venv and PyPI is missing)" : "";

describe("the API, by a fuzzer of its contract,", () => {
  test.skipIf(fuzzer === null)(
    `answers an admin's token as the document says, and never with 5xx${unless}`,
    async () => {
      await using unibus = await startFuzzed();
      const admin = await anAdmin(unibus);
      await fuzz("admin's token", async (round) => {
        const made = await admin.get<{ secret: string }>("POST", "/v1/tokens", { scope: "admin" });
        return run(unibus.httpUrl, round, ["--header", `Authorization: Bearer ${made.secret}`]);
      });
    },
  );

  test.skipIf(fuzzer === null)(
    `answers signed requests as the document says, and never with 5xx${unless}`,
    async () => {
      await using unibus = await startFuzzed();
      const admin = await anAdmin(unibus);
      await using proxy = await openProxy({
        target: unibus.httpUrl,
        headersFor: signedBy(admin.signer),
      });
      await fuzz("signed", (round) =>
        run(proxy.url, round, ["--header", `Authorization: ${SIGN}`]),
      );
      expect(proxy.passed.length).toBeGreaterThan(count("fuzzed-requests") / 2);
    },
  );
});

/** Fuzzes in rounds until the count is reached; each has to find nothing. */
async function fuzz(name: string, round: (seed: number) => Promise<Round>): Promise<void> {
  let requests = 0;
  let rounds = 0;
  while (requests < count("fuzzed-requests") / 2 && rounds < ROUNDS_MAX) {
    rounds += 1;
    const { cases, code, report } = await round(rounds);
    if (code !== 0) throw new Error(`With the seed ${rounds} the fuzzer found:\n${report}`);
    expect(cases).toBeGreaterThan(0);
    requests += cases;
  }
  expect(requests).toBeGreaterThanOrEqual(count("fuzzed-requests") / 2);
  recordProof(`contract fuzzed, ${name}`, { requests, rounds, faults: 0 });
}

interface Round {
  readonly cases: number;
  readonly code: number;
  readonly report: string;
}

async function run(url: string, seed: number, more: readonly string[]): Promise<Round> {
  using folder = temporaryFolder();
  const { code, stdout, stderr } = await runProcess(
    [
      ...[join(fuzzer?.path ?? "", "bin/st"), "run", `${url}/swagger/json`],
      ...["--seed", `${seed}`, "--max-examples", `${count("fuzz-examples")}`, "--workers", "1"],
      ...["--checks", "all", "--exclude-checks", EXCLUDED.join(","), "--no-color"],
      ...["--generation-database", ":memory:", ...more],
    ],
    { cwd: folder.path, env: { PATH: process.env.PATH ?? "", HOME: folder.path } },
  );
  const report = `${stdout}\n${stderr}`;
  const cases = Number(/(\d+) generated/.exec(report)?.[1] ?? 0);
  return { cases, code, report };
}

/** A node whose rates stand in nobody's way. */
function startFuzzed(): Promise<RunningUnibus> {
  const rates = ["--requests-per-address", "100000", "--requests-per-user", "100000"];
  return startUnibus({ args: ["--bus-auth", "enforce", ...rates] });
}

async function anAdmin(unibus: RunningUnibus) {
  const callers = await openCallers(unibus);
  const admin = callers.signing();
  await callers.operator.get("POST", "/v1/users/seed", { user: admin.user, name: "admin" });
  await admin.get("POST", "/v1/rooms", { name: "ops" });
  await callers.operator.get("POST", "/v1/invites", { label: "one" });
  return admin;
}

/** Installs the fuzzer in a folder of this process; null where there is no Python or no PyPI. */
async function installFuzzer(): Promise<(Disposable & { readonly path: string }) | null> {
  if (!Bun.which("python3")) return null;
  const folder = temporaryFolder();
  const steps = [
    ["python3", "-m", "venv", folder.path],
    [join(folder.path, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", FUZZER],
  ];
  for (const step of steps) {
    const { code } = await runProcess(step);
    if (code === 0) continue;
    folder[Symbol.dispose]();
    return null;
  }
  process.on("exit", () => folder[Symbol.dispose]());
  return folder;
}
