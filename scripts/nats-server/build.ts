import { join } from "node:path";
import { type Environment, NATS_SERVER_VERSION } from "../../src/nats/find-server.ts";
import { readLines } from "../../src/system/lines.ts";
import { withProgress } from "./progress.ts";

/** Holds the committed go.mod and go.sum: Go itself refuses a module that is not what they say. */
const MODULE_FOLDER = join(import.meta.dir, "../../native/nats-server");
/** The slowest supported machine takes some minutes; a network without answers shall end too. */
const BUILD_MS_MAX = 15 * 60_000;
const REASON_LINES_MAX = 5;

/** Builds the pinned server; the same Go makes the same bytes anywhere. Throws with Go's words. */
export async function buildWithGo(options: {
  readonly go: string;
  readonly env: Environment;
  readonly target: string;
  /** Another system and processor than this machine's, as Go names them. */
  readonly platform?: { readonly os: string; readonly arch: string };
  readonly say: (line: string) => void;
}): Promise<void> {
  const { go, env, target, platform, say } = options;
  say(`Building nats-server ${NATS_SERVER_VERSION} with ${go}: about half a minute, once`);
  const flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w"];
  const child = Bun.spawn(
    [go, "build", ...flags, "-o", target, "github.com/nats-io/nats-server/v2"],
    {
      cwd: MODULE_FOLDER,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      // What a user set for builds of their own must not change this one.
      env: {
        ...env,
        ...{ CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: "" },
        ...{ GOOS: platform?.os ?? "", GOARCH: platform?.arch ?? "" },
      },
      timeout: BUILD_MS_MAX,
      killSignal: "SIGKILL",
    },
  );
  const last: string[] = [];
  await withProgress({ say, describe: () => "Still building nats-server" }, async () => {
    await readLines(child.stderr, (line) => {
      say(`  ${line}`);
      last.push(line);
      if (last.length > REASON_LINES_MAX) last.shift();
    });
    await child.exited;
  });
  if (child.exitCode === 0) return;
  const end = child.signalCode
    ? `was ended by ${child.signalCode}`
    : `ended with ${child.exitCode}`;
  throw new Error([`go build ${end}`, ...last].join("; "));
}
