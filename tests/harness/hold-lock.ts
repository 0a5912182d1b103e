/**
 * Takes the lock of a folder and keeps it until the process is killed; says "held" or "busy".
 * Run as a process by tests/system/lock.test.ts.
 */
import { acquireLock } from "../../src/system/lock.ts";

const [, , folder = "", name = ""] = process.argv;
const lock = acquireLock(folder, name);
process.stdout.write(lock ? "held\n" : "busy\n");
if (lock) setInterval(() => lock, 60_000);
