import { splitRoutes } from "../core/cluster-policy.ts";
import type { UserId } from "../core/ids.ts";
import type { AuthMode } from "../core/login.ts";
import { findNearest } from "../core/nearest.ts";
import { isUserId } from "../core/nkey.ts";
import { Problem } from "../core/problems.ts";
import { hasCredentials, quote } from "../core/quote.ts";
import { isSettingName, listSettings, SETTINGS, type SettingName, variableOf } from "./schema.ts";
import { faultOf } from "./value-fault.ts";

export interface NodeSettings {
  readonly bind: string;
  readonly httpPort: number;
  readonly natsPort: number;
  readonly publicUrl: readonly string[];
  /** Addresses and CIDRs of proxies whose `x-forwarded-for` is believed. */
  readonly trustedProxies: readonly string[];
  readonly logFormat: "text" | "json" | "auto";
  readonly dataDir: string;
  readonly db: string;
  readonly storeDir: string;
  readonly natsStore: string;
  readonly busAuth: AuthMode;
  readonly busAuthGiven: boolean;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly insecureNoTls: boolean;
  readonly allowPlainRooms: boolean;
  /** A user's public key; empty when nobody is to be made an admin. */
  readonly firstAdmin: UserId | "";
  readonly connectionsPerUser: number;
  /** Per second; the burst is some seconds' worth. */
  readonly requestsPerAddress: number;
  readonly requestsPerUser: number;
  readonly natsUrl: string;
  readonly natsCreds: string;
  readonly externalNatsTrusted: boolean;
  readonly clusterName: string;
  readonly serverName: string;
  readonly clusterPort: number;
  readonly routes: readonly string[];
  readonly clusterUser: string;
  readonly clusterPass: string;
  readonly clusterPassFile: string;
  readonly routeTlsCert: string;
  readonly routeTlsKey: string;
  readonly routeTlsCa: string;
  /** In seconds. */
  readonly staleMax: number;
  /** Names of the settings that a flag or a variable gave; an empty text that is the default is none. */
  readonly given: ReadonlySet<SettingName>;
  /** Flags that put a secret on the command line, where other users of the machine see it. */
  readonly secretsInArgv: readonly string[];
}

export type Flags = Readonly<Record<string, string | boolean>>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that are no settings of a node: where nats-server is, and what tests tell themselves. */
const OTHER_VARIABLES =
  /^UNIBUS_(NATS_SERVER|COMMAND|GOLDEN|PROOF_FILE|TEST_\w+|SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP)\w*)?)$/;
// SERVICE_* and PORT* are what Kubernetes sets in every pod beside a service that is named "unibus".

/**
 * Reads the settings of a node: defaults, then environment, then flags.
 * Throws `usage` for an unknown name and for a value that is wrong by itself; how values go together
 * is for core/boot-policy.ts and core/cluster-policy.ts.
 */
export function loadNodeSettings(flags: Flags, env: Environment): NodeSettings {
  refuseUnknownNames(flags, env);
  const values = readValues(flags, env);
  const text = (name: SettingName) => values.get(name)?.text ?? SETTINGS[name].default;
  const given = new Set([...values].filter(([name]) => isGiven(name, text(name))).map(([n]) => n));
  if (given.has("cluster-pass") && given.has("cluster-pass-file")) {
    throw new Problem(
      "usage",
      "Cannot use --cluster-pass and --cluster-pass-file together: one password is enough",
    );
  }
  return {
    bind: text("bind"),
    httpPort: Number(text("http-port")),
    natsPort: Number(text("nats-port")),
    publicUrl: splitRoutes(text("public-url")).map((url) => new URL(url).origin),
    trustedProxies: splitRoutes(text("trusted-proxies")),
    // The three values, by the table.
    logFormat: text("log-format") as NodeSettings["logFormat"],
    ...foldersOf(text, given),
    // The three values, by the table.
    busAuth: text("bus-auth") as AuthMode,
    busAuthGiven: given.has("bus-auth"),
    tlsCert: text("tls-cert"),
    tlsKey: text("tls-key"),
    insecureNoTls: isTrue(text("insecure-no-tls")),
    allowPlainRooms: isTrue(text("allow-plain-rooms")),
    firstAdmin: userOf(text("first-admin")),
    connectionsPerUser: Number(text("connections-per-user")),
    requestsPerAddress: Number(text("requests-per-address")),
    requestsPerUser: Number(text("requests-per-user")),
    natsUrl: text("nats-url"),
    natsCreds: text("nats-creds"),
    externalNatsTrusted: isTrue(text("external-nats-trusted")),
    clusterName: text("cluster-name"),
    serverName: text("server-name"),
    clusterPort: Number(text("cluster-port")),
    routes: splitRoutes(text("routes")),
    clusterUser: text("cluster-user"),
    clusterPass: text("cluster-pass"),
    clusterPassFile: text("cluster-pass-file"),
    routeTlsCert: text("route-tls-cert"),
    routeTlsKey: text("route-tls-key"),
    routeTlsCa: text("route-tls-ca"),
    staleMax: Number(text("stale-max")),
    given,
    secretsInArgv: secretsIn(flags),
  };
}

/**
 * The settings of `unibus up`: as `loadNodeSettings`, with enforce on. Throws `usage` when the
 * environment asks for another mode, rather than to overrule it in silence.
 */
export function loadQuickStartSettings(flags: Flags, env: Environment): NodeSettings {
  const variable = variableOf("bus-auth");
  const asked = env[variable];
  if (asked !== undefined && asked !== "enforce") {
    throw new Problem(
      "usage",
      `Cannot use ${variable} with unibus up: it is ${quote(asked)}, and up always enforces; unset it, or use: unibus serve`,
    );
  }
  return loadNodeSettings({ ...flags, "bus-auth": "enforce" }, env);
}

/** Where a command finds its node: the folder and the database, by flags, environment, defaults. */
export function loadNodePlace(
  flags: Flags,
  env: Environment,
): Pick<NodeSettings, "dataDir" | "db"> {
  const own = new Set<string>(["data-dir", "db"]);
  const values = readValues(
    Object.fromEntries(Object.entries(flags).filter(([name]) => own.has(name))),
    {
      [variableOf("data-dir")]: env[variableOf("data-dir")],
      [variableOf("db")]: env[variableOf("db")],
    },
  );
  const text = (name: SettingName) => values.get(name)?.text ?? SETTINGS[name].default;
  const { dataDir, db } = foldersOf(text, new Set(values.keys()));
  return { dataDir, db };
}

interface Value {
  readonly text: string;
  /** The flag or variable it came from, for messages. */
  readonly from: string;
}

function readValues(flags: Flags, env: Environment): ReadonlyMap<SettingName, Value> {
  const values = new Map<SettingName, Value>();
  for (const setting of listSettings()) {
    const flag = flags[setting.name];
    const variable = variableOf(setting.name);
    const fromEnvironment = env[variable];
    const value =
      flag !== undefined
        ? { text: `${flag}`, from: `--${setting.name}` }
        : fromEnvironment !== undefined
          ? { text: fromEnvironment, from: variable }
          : null;
    if (!value) continue;
    const fault = faultOf(setting, value.text);
    if (fault) throw new Problem("usage", `Cannot use ${value.from}: ${fault}`);
    values.set(setting.name, value);
  }
  return values;
}

function refuseUnknownNames(flags: Flags, env: Environment): void {
  const names = listSettings().map((setting) => setting.name);
  for (const flag of Object.keys(flags)) {
    if (!isSettingName(flag)) {
      throw new Problem("usage", `Cannot use --${flag}: no setting has this name`);
    }
  }
  const variables = new Set(names.map(variableOf));
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith("UNIBUS_") || variables.has(variable)) continue;
    if (OTHER_VARIABLES.test(variable)) continue;
    const nearest = findNearest(variable, variables);
    const hint = nearest ? `; is ${nearest} meant` : "";
    throw new Problem("usage", `Cannot use ${quote(variable)}: no setting has this name${hint}`);
  }
}

function isGiven(name: SettingName, text: string): boolean {
  return text !== "" || SETTINGS[name].default !== "";
}

function userOf(text: string): UserId | "" {
  return text !== "" && isUserId(text) ? text : "";
}

function isTrue(text: string): boolean {
  return text === "true" || text === "1";
}

function foldersOf(
  text: (name: SettingName) => string,
  given: ReadonlySet<SettingName>,
): Pick<NodeSettings, "dataDir" | "db" | "storeDir" | "natsStore"> {
  const dataDir = text("data-dir");
  const inDataDir = (name: "db" | "store-dir" | "nats-store") =>
    given.has(name) ? text(name) : join(dataDir, SETTINGS[name].read.inDataDir);
  return {
    dataDir,
    db: inDataDir("db"),
    storeDir: inDataDir("store-dir"),
    natsStore: inDataDir("nats-store"),
  };
}

/** Joins by hand: `node:path` would turn "./local_files" into "local_files". */
function join(folder: string, name: string): string {
  return folder.endsWith("/") ? `${folder}${name}` : `${folder}/${name}`;
}

function secretsIn(flags: Flags): readonly string[] {
  return listSettings()
    .filter((setting) => {
      const flag = flags[setting.name];
      if (typeof flag !== "string" || flag === "") return false;
      if (setting.secret === "whole") return true;
      return setting.secret === "credentials" && splitRoutes(flag).some(hasCredentials);
    })
    .map((setting) => `--${setting.name}`);
}
