import { runProcess } from "./run-process.ts";

/** The nats-py of the README. */
const PACKAGE = "nats-py[nkeys]==2.16.0";

/**
 * Fetches nats-py into a folder. Answers the environment that a Python needs to find it there, or null
 * where there is no Python with pip, or no registry.
 */
export async function fetchNatsPy(
  folder: string,
): Promise<Readonly<Record<string, string>> | null> {
  const python = Bun.which("python3");
  if (python === null) return null;
  // How this machine reaches registries may stand in its environment.
  const install = ["-m", "pip", "install", "--quiet", "--target", folder, PACKAGE];
  const { code } = await runProcess([python, ...install]);
  return code === 0 ? { PYTHONPATH: folder } : null;
}
