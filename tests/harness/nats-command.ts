import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The version of the `nats` command that the tests type. */
const VERSION = "v0.3.0";
const BUILD_MS_MAX = 10 * 60_000;

/**
 * Builds the `nats` command of others with Go, once, into the user's cache. Returns its folder, for
 * PATH, or why there is none.
 */
export async function obtainNatsCommand(): Promise<
  { readonly folder: string } | { readonly missing: string }
> {
  const given = Bun.which("nats");
  if (given) return { folder: join(given, "..") };
  const folder = join(homedir(), ".cache", "unibus", "tests", `nats-command-${VERSION}`);
  const target = join(folder, "nats");
  if (existsSync(target)) return { folder };
  if (!Bun.which("go")) return { missing: "go is not on PATH" };
  mkdirSync(folder, { recursive: true });
  // `go install` asks for a list of versions, which not every proxy has.
  writeFileSync(
    join(folder, "go.mod"),
    `module nats.invalid\n\ngo 1.24\n\nrequire github.com/nats-io/natscli ${VERSION}\n`,
  );
  const packages = ["-mod=mod", "-o", `${target}.new`, "github.com/nats-io/natscli/nats"];
  const build = Bun.spawn(["go", "build", ...packages], {
    cwd: folder,
    env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "" },
    stdio: ["ignore", "ignore", "pipe"],
    timeout: BUILD_MS_MAX,
  });
  const words = await new Response(build.stderr).text();
  if ((await build.exited) !== 0) {
    return { missing: `go cannot build it: ${words.trim().split("\n").at(-1)}` };
  }
  renameSync(`${target}.new`, target);
  return { folder };
}
