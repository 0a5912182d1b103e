import { lookup } from "node:dns/promises";
import { dirname, join } from "node:path";
import { isLocalhost } from "../core/bind.ts";
import { type BootFacts, parseLastMode, refuseBoot } from "../core/boot-policy.ts";
import { type ClusterFacts, refuseCluster, routePasswordFault } from "../core/cluster-policy.ts";
import type { ExternalNats } from "../core/external-nats.ts";
import type { AuthMode } from "../core/login.ts";
import { MODE_FILE } from "../core/node-files.ts";
import { Problem, type Refusal } from "../core/problems.ts";
import { readExternalNats } from "./external-nats.ts";
import type { Environment, NodeSettings } from "./load.ts";
import { FileFault, readConfiguredFile, readSecretFile } from "./private-file.ts";
import {
  type RouteTls,
  readRouteTls,
  readTlsPair,
  routeTlsFiles,
  type TlsPair,
} from "./tls-files.ts";

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
  /** The NATS server to use instead of one of this node's own. */
  readonly externalNats: ExternalNats | null;
  readonly clusterPass: string;
}

/**
 * The mode in which the node of a folder ran last; null when it never ran, and the strictest one when
 * the file that tells it cannot be read, be it a pipe or a folder.
 */
export function readLastMode(folder: string): AuthMode | null {
  try {
    return parseLastMode(readConfiguredFile(join(folder, MODE_FILE), { secret: false }));
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    return isAbsent(error.cause) ? null : "enforce";
  }
}

/** Finds out what a start is judged by. Opens and writes nothing of the node. */
export async function findSurroundings(
  settings: NodeSettings,
  env: Environment,
): Promise<Surroundings> {
  return {
    lastMode: readLastMode(dirname(settings.db)),
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
  const { tlsCert, tlsKey } = settings;
  return {
    tls: tlsCert ? readTlsPair({ cert: tlsCert, key: tlsKey, what: "NATS TLS" }, at) : null,
    routeTls: settings.routeTlsCert ? readRouteTls(routeTlsFiles(settings), at) : null,
    externalNats: readExternalNats(settings),
    clusterPass: readClusterPass(settings),
  };
}

function readClusterPass({ clusterPass, clusterPassFile }: NodeSettings): string {
  const password = clusterPassFile
    ? readSecretFile(clusterPassFile, "the password of --cluster-pass-file")
    : clusterPass;
  const fault = routePasswordFault(password);
  if (fault === null) return password;
  throw new Problem("cluster-refused", `Cannot start: the password of the routes ${fault}`);
}

function throwRefusal(refusal: Refusal | null): void {
  if (refusal) throw new Problem(refusal.code, refusal.detail);
}

function isAbsent(cause: unknown): boolean {
  const code = cause instanceof Error && "code" in cause ? cause.code : "";
  return code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG";
}

async function addressesOf(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    // A name without addresses counts as public, and its bind could not be opened anyway.
    return [];
  }
}
