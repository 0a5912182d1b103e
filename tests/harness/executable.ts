import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildForThisMachine } from "../../scripts/build.ts";

const ROOT = join(import.meta.dir, "../..");

/** The executable that is tested. */
export interface TestedExecutable {
  readonly path: string;
  readonly sha256: string;
}

/**
 * The executable that UNIBUS_COMMAND names, or one that is built from this checkout. It tells its hash,
 * so that a result can be held against the file.
 */
export async function testedExecutable(): Promise<TestedExecutable> {
  const { UNIBUS_COMMAND: given } = process.env;
  const path = given ?? join(ROOT, "node_modules/.cache/unibus/executable/unibus");
  if (given === undefined) await buildForThisMachine(path);
  else if (!existsSync(given)) throw new Error(`UNIBUS_COMMAND is no file: ${given}`);
  const bytes = await Bun.file(path).bytes();
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  process.stderr.write(`The executable under test is ${path}, SHA-256 ${sha256}\n`);
  return { path, sha256 };
}
