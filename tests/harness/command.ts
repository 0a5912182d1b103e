import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

/**
 * The words that run unibus: the sources of this checkout, or what UNIBUS_COMMAND names (words parted
 * by spaces), such as the executable.
 */
export function unibusCommand(): readonly string[] {
  const command = process.env.UNIBUS_COMMAND;
  if (command) return command.split(" ").filter((word) => word !== "");
  return [
    join(ROOT, "node_modules/.bin/bun"),
    "--no-env-file",
    `--config=${join(ROOT, "bunfig.toml")}`,
    `--tsconfig-override=${join(ROOT, "tsconfig.json")}`,
    join(ROOT, "src/main.ts"),
  ];
}
