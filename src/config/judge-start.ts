import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isLocalhost } from "../core/bind.ts";
import { type BootFacts, parseLastMode, refuseBoot } from "../core/boot-policy.ts";
import { type ClusterFacts, refuseCluster, refuseClusterYet } from "../core/cluster-policy.ts";
import type { AuthMode } from "../core/login.ts";
import { Problem, type Refusal } from "../core/problems.ts";
import type { Environment, NodeSettings } from "./load.ts";
import { readSecretFile } from "./private-file.ts";
import { type RouteTls, readRouteTls, readTlsPair, type TlsPair } from "./tls-files.ts";

/** What a start is judged by, beside its settings. */
export interface Surroundings {
  readonly lastMode: AuthMode | null;
  /** The addresses of the bind when it is `localhost`; empty otherwise. */
  readonly resolved: readonly string[];
  readonly env: Environment;
}

/** What was read from the files of the settings while judging them. */
export interface StartMaterial {
  readonly tls: TlsPair | null;
  readonly routeTls: RouteTls | null;
  readonly clusterPass: string;
}

/** Name of the file beside the database that holds the mode last run. */
export const MODE_FILE = "unibus.mode";

/** Finds out what a start is judged by. Opens and writes nothing of the node. */
export async function findSurroundings(
  settings: NodeSettings,
  env: Environment,
): Promise<Surroundings> {
  return {
    lastMode: parseLastMode(readModeFile(join(dirname(settings.db), MODE_FILE))),
    resolved: isLocalhost(settings.bind) ? await addressesOf(settings.bind) : [],
    env,
  };
}

/** The facts that the boot and cluster policies judge. */
export function factsOf(
  settings: NodeSettings,
  surroundings: Surroundings,
): BootFacts & ClusterFacts {
  const { lastMode, resolved, env } = surroundings;
  const verification = env.NODE_TLS_REJECT_UNAUTHORIZED;
  return {
    ...settings,
    lastMode,
    resolved,
    clusterPassSet: settings.clusterPass !== "" || settings.clusterPassFile !== "",
    verificationOff: verification === "0" || verification === "false",
  };
}

/**
 * Judges a start before anything is opened: the policies, then the files that the settings name.
 * `at` is the time at which certificates must be valid. Returns what was read from the files.
 * Throws `boot-refused`, `cluster-refused` or `tls-unusable`.
 */
export function judgeStart(
  settings: NodeSettings,
  surroundings: Surroundings,
  at: number,
): StartMaterial {
  const facts = factsOf(settings, surroundings);
  throwRefusal(refuseBoot(facts) ?? refuseCluster(facts));
  const { tlsCert, tlsKey, routeTlsCert, routeTlsKey, routeTlsCa, clusterPassFile } = settings;
  const material = {
    tls: tlsCert ? readTlsPair({ cert: tlsCert, key: tlsKey, what: "NATS TLS" }, at) : null,
    routeTls: routeTlsCert
      ? readRouteTls({ cert: routeTlsCert, key: routeTlsKey, ca: routeTlsCa }, at)
      : null,
    clusterPass: clusterPassFile
      ? readSecretFile(clusterPassFile, "the password of --cluster-pass-file")
      : settings.clusterPass,
  };
  throwRefusal(refuseClusterYet(facts));
  return material;
}

function throwRefusal(refusal: Refusal | null): void {
  if (refusal) throw new Problem(refusal.code, refusal.detail);
}

/** The text of the mode file; null without one, and a text that is no mode when it cannot be read. */
function readModeFile(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    return code === "ENOENT" || code === "ENOTDIR" ? null : "unreadable";
  }
}

async function addressesOf(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    // A name without addresses counts as public, and its bind could not be opened anyway.
    return [];
  }
}
