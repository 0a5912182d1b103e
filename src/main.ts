import { GUARD_COMMAND, runGuarded } from "./system/guard.ts";

// Files that unibus makes are its owner's alone; what must be open to others says so itself.
process.umask(0o077);
const argv = process.argv.slice(2);
if (argv[0] === GUARD_COMMAND) process.exit(await runGuarded(argv));
const { runCli } = await import("./cli/root.ts");
process.exit(await runCli(argv));
