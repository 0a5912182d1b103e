import { runCli } from "./cli/root.ts";

// Files that unibus makes are its owner's alone; what must be open to others says so itself.
process.umask(0o077);
process.exit(await runCli(process.argv.slice(2)));
