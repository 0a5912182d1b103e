import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Build } from "../../src/core/build.ts";
import { readSources } from "../source-tree.ts";

export interface ExecutableOptions {
  /** The checkout to build. */
  readonly root: string;
  readonly outfile: string;
  /** The Bun to put into it: its system and processor are the executable's. */
  readonly runtime: string;
  /** The nats-server to put into it. */
  readonly server: {
    readonly path: string;
    readonly version: string;
    readonly sha256: string;
  };
  readonly target: string;
  readonly commit: string;
}

/** What the executable gives to Bun before anything of ours runs. */
const RUNTIME_ARGUMENTS = [
  // Nothing but what is inside is code: no eval, no preload by BUN_OPTIONS, no inspector.
  "--disallow-code-generation-from-strings=strict",
];

/**
 * Builds one executable; the same sources and tools make the same bytes in any folder.
 * Returns the names of the packages whose code is inside.
 */
export async function buildExecutable(options: ExecutableOptions): Promise<readonly string[]> {
  const { root, outfile, runtime, server } = options;
  mkdirSync(dirname(outfile), { recursive: true });
  const folder = mkdtempSync(join(dirname(outfile), ".building-"));
  try {
    const asset = join(folder, "nats-server");
    copyFileSync(server.path, asset);
    // Its name is inside, so it must be the final one.
    const built = join(folder, basename(outfile));
    const { metafile } = await Bun.build({
      metafile: true,
      entrypoints: [join(root, "src/main.ts"), ...findWorkers(root)],
      target: "bun",
      format: "esm",
      bytecode: true,
      minify: { syntax: true, whitespace: true },
      sourcemap: "none",
      // A Worker is found beside its bundle's own file, whatever folder its source lies in.
      naming: { entry: "[name].[ext]" },
      define: {
        UNIBUS_BUILD: JSON.stringify(buildFacts(options)),
        // Otherwise it is "development" for good.
        "process.env.NODE_ENV": JSON.stringify("production"),
      },
      compile: {
        outfile: built,
        target: compileTarget(options.target),
        executablePath: runtime,
        assets: [asset],
        execArgv: RUNTIME_ARGUMENTS,
        // Nothing that lies in the folder it is started in may change what it does.
        autoloadDotenv: false,
        autoloadBunfig: false,
      },
    });
    renameSync(built, outfile);
    return packagesOf(Object.keys(metafile?.inputs ?? {}));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A target as Bun calls it. */
function compileTarget(name: string): Bun.Build.CompileTarget {
  // The names of scripts/build/targets.ts are Bun's own but for this one word.
  return `bun-${name.replace("macos", "darwin")}` as Bun.Build.CompileTarget;
}

const PACKAGE = /.*\bnode_modules\/((?:@[^/]+\/)?[^/]+)\//;

function packagesOf(inputs: readonly string[]): readonly string[] {
  const names = new Set(inputs.flatMap((path) => PACKAGE.exec(path)?.[1] ?? []));
  if (names.size === 0) throw new Error("The build does not tell which packages are inside");
  return [...names].sort();
}

function buildFacts({ commit, target, server }: ExecutableOptions): Build {
  return { commit, target, natsServer: { version: server.version, sha256: server.sha256 } };
}

const WORKER = /new Worker\(new URL\("\.\/([\w-]+\.ts)", import\.meta\.url\)/g;
const ANY_WORKER = /\bnew Worker\(/g;

/**
 * The files that the sources start as Workers: each is compiled as an entry of its own, or it is not
 * there. Throws when one is named in a way that would not be found in the executable.
 */
export function findWorkers(root: string): readonly string[] {
  return readSources(root, ["src"]).flatMap((source) => {
    const found = [...source.text.matchAll(WORKER)].map(([, name = ""]) => name);
    if (found.length !== [...source.code.matchAll(ANY_WORKER)].length) {
      throw new Error(
        `${source.path}: a Worker is started as new Worker(new URL("./name.ts", import.meta.url)), or the build does not find it`,
      );
    }
    return found.map((name) => join(root, dirname(source.path), name));
  });
}
