import type { Environment } from "./load.ts";

/** The environment of this process: the one place that reads it. */
export function processEnvironment(): Environment {
  return process.env;
}
