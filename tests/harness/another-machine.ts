import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeSeed } from "./nkey.ts";
import { type TestKey, testKey } from "./raw-nats.ts";
import type { Ran } from "./run-process.ts";
import { run, temporaryFolder } from "./unibus.ts";

/** A person's key and the file that it lies in. */
export interface KeyFile extends Omit<TestKey, "seed"> {
  readonly path: string;
  /** As it stands in the file. */
  readonly seed: string;
}

/** Another machine: a folder with a person's keys, whose commands reach a node over the network. */
export interface Machine extends Disposable {
  readonly path: string;
  readonly dataDir: string;
  /** Makes a key file that only its owner may read. */
  key(name?: string): KeyFile;
  cli(...args: string[]): Promise<Ran>;
  /** As `cli`, and reads the document; of an error too, which is on stderr. */
  json(...args: string[]): Promise<Told>;
}

/** What a command told with `--json`. */
export interface Told {
  readonly code: number;
  // biome-ignore lint/suspicious/noExplicitAny: each command has its own document; tests name what they read.
  readonly document: any;
}

export function aMachine(env: Readonly<Record<string, string>> = {}): Machine {
  const folder = temporaryFolder();
  const dataDir = join(folder.path, "data");
  const cli = (...args: string[]): Promise<Ran> =>
    run([...args, "--data-dir", dataDir], { cwd: folder.path, env });
  return {
    path: folder.path,
    dataDir,
    key(name = "me.nk") {
      const key = testKey();
      const seed = encodeSeed(key.seed);
      const path = join(folder.path, name);
      writeFileSync(path, `${seed}\n`, { mode: 0o600 });
      return { ...key, path, seed };
    },
    cli,
    async json(...args) {
      const { code, stdout, stderr } = await cli(...args, "--json");
      return { code, document: JSON.parse(code === 0 ? stdout : stderr) };
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}
