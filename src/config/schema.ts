import {
  CONNECTIONS_PER_USER_MAX,
  NATS_CONNECTIONS_MAX,
  REQUESTS_PER_ADDRESS_BURST,
  REQUESTS_PER_ADDRESS_PER_SECOND,
  REQUESTS_PER_SECOND_MAX,
  REQUESTS_PER_USER_BURST,
  REQUESTS_PER_USER_PER_SECOND,
} from "../core/limits.ts";
import { DATABASE_FILE } from "../core/node-files.ts";
import { CLUSTER_SETTINGS } from "./cluster-settings.ts";

/** How the text of a setting is read. */
export type SettingKind =
  | { readonly kind: "text" | "host" | "name" | "port" | "boolean" }
  | { readonly kind: "routes" | "urls" | "user" | "blocks" }
  | { readonly kind: "path"; readonly inDataDir?: string }
  | { readonly kind: "count"; readonly least?: number; readonly most: number }
  | { readonly kind: "enum"; readonly values: readonly string[] };

export interface SettingShape {
  /** What stands for the value in the help. */
  readonly value?: string;
  /** The value when none is given, as text. */
  readonly default: string;
  readonly help: string;
  readonly group: "Node" | "Data" | "Security" | "External NATS" | "Cluster";
  /** `whole`: the value is a secret. `credentials`: what stands before an @ in it is. */
  readonly secret?: "whole" | "credentials";
  readonly read: SettingKind;
}

/**
 * Every setting of a node: flag `--<name>`, variable `UNIBUS_<NAME>`. Names and defaults of the first
 * unibus are kept byte for byte.
 */
export const SETTINGS = {
  bind: {
    value: "HOST",
    default: "127.0.0.1",
    help: "network interface to bind the HTTP API and the embedded NATS to; use 0.0.0.0 to accept LAN/remote peers, which needs --bus-auth enforce and TLS",
    group: "Node",
    read: { kind: "host" },
  },
  "http-port": {
    value: "PORT",
    default: "8470",
    help: "HTTP port for the control-plane API; 0 takes a free one",
    group: "Node",
    read: { kind: "port" },
  },
  "nats-port": {
    value: "PORT",
    default: "4250",
    help: "embedded NATS listen port (when --nats-url is empty); 0 takes a free one",
    group: "Node",
    read: { kind: "port" },
  },
  "public-url": {
    value: "URLS",
    default: "",
    help: "comma-separated URLs under which clients reach the API, e.g. https://bus.example.org; requests for other hosts are refused",
    group: "Node",
    read: { kind: "urls" },
  },
  "trusted-proxies": {
    value: "CIDRS",
    default: "",
    help: "comma-separated addresses or CIDRs of your own reverse proxies, e.g. 10.0.0.2,2001:db8::/64; their X-Forwarded-For tells who asks, and nobody else's is read",
    group: "Node",
    read: { kind: "blocks" },
  },
  "log-format": {
    value: "FORMAT",
    default: "auto",
    help: "text|json|auto: form of the log lines on stderr; auto is text on a terminal and JSON otherwise",
    group: "Node",
    read: { kind: "enum", values: ["text", "json", "auto"] },
  },
  "data-dir": {
    value: "FOLDER",
    default: "./local_files",
    help: "folder of this node; --db, --store-dir and --nats-store lie in it unless they are given",
    group: "Data",
    read: { kind: "path" },
  },
  db: {
    value: "FILE",
    default: "./local_files/unibus.db",
    help: "SQLite database path",
    group: "Data",
    read: { kind: "path", inDataDir: DATABASE_FILE },
  },
  "store-dir": {
    value: "FOLDER",
    default: "./local_files/blobs",
    help: "blob store directory",
    group: "Data",
    read: { kind: "path", inDataDir: "blobs" },
  },
  "nats-store": {
    value: "FOLDER",
    default: "./local_files/jetstream",
    help: "embedded JetStream store dir",
    group: "Data",
    read: { kind: "path", inDataDir: "jetstream" },
  },
  "bus-auth": {
    value: "MODE",
    default: "off",
    help: "off|soft|enforce: whether clients must prove an admitted key; soft admits everybody and records whom enforce would refuse",
    group: "Security",
    read: { kind: "enum", values: ["off", "soft", "enforce"] },
  },
  "tls-cert": {
    value: "FILE",
    default: "",
    help: "PATH to the server certificate (deploy/tls/server.crt); enables TLS on the embedded NATS and HTTPS on the API",
    group: "Security",
    read: { kind: "path" },
  },
  "tls-key": {
    value: "FILE",
    default: "",
    help: "path to the server private key (deploy/tls/server.key); required with --tls-cert",
    group: "Security",
    read: { kind: "path" },
  },
  "insecure-no-tls": {
    default: "false",
    help: "allow a public bind without TLS, for a bus behind a TLS tunnel of your own",
    group: "Security",
    read: { kind: "boolean" },
  },
  "allow-plain-rooms": {
    default: "false",
    help: "allow rooms without end-to-end encryption on a public bind; whoever runs this host can read them",
    group: "Security",
    read: { kind: "boolean" },
  },
  "first-admin": {
    value: "PUBLIC-KEY",
    default: "",
    help: "public key to make the first admin of a bus that has none, as a container is told; up then makes no key",
    group: "Security",
    read: { kind: "user" },
  },
  "connections-per-user": {
    value: "COUNT",
    default: `${CONNECTIONS_PER_USER_MAX}`,
    help: "NATS connections that one user may have at once",
    group: "Security",
    read: { kind: "count", most: NATS_CONNECTIONS_MAX },
  },
  "requests-per-address": {
    value: "COUNT",
    default: `${REQUESTS_PER_ADDRESS_PER_SECOND}`,
    help: `requests that one address, or one /64 of IPv6, may send to the API in a second; for a moment ${REQUESTS_PER_ADDRESS_BURST / REQUESTS_PER_ADDRESS_PER_SECOND} times as many`,
    group: "Security",
    read: { kind: "count", most: REQUESTS_PER_SECOND_MAX },
  },
  "requests-per-user": {
    value: "COUNT",
    default: `${REQUESTS_PER_USER_PER_SECOND}`,
    help: `requests that one user may send to the API in a second; for a moment ${REQUESTS_PER_USER_BURST / REQUESTS_PER_USER_PER_SECOND} times as many`,
    group: "Security",
    read: { kind: "count", most: REQUESTS_PER_SECOND_MAX },
  },
  "nats-url": {
    value: "URL",
    default: "",
    help: "external NATS url; empty starts an embedded server",
    group: "External NATS",
    secret: "credentials",
    read: { kind: "text" },
  },
  "nats-creds": {
    value: "FILE",
    default: "",
    help: "file of credentials for the login to --nats-url",
    group: "External NATS",
    read: { kind: "path" },
  },
  "external-nats-trusted": {
    default: "false",
    help: "accept that the server of --nats-url does its own authentication, which --bus-auth does not reach",
    group: "External NATS",
    read: { kind: "boolean" },
  },
  ...CLUSTER_SETTINGS,
} as const satisfies Readonly<Record<string, SettingShape>>;

export type SettingName = keyof typeof SETTINGS;

export interface Setting extends SettingShape {
  readonly name: SettingName;
}

/** The settings in the order of the help. */
export function listSettings(): readonly Setting[] {
  // The keys of a constant table are its names.
  return (Object.keys(SETTINGS) as SettingName[]).map((name) => ({ name, ...SETTINGS[name] }));
}

/** Narrows a text to the name of a setting. */
export function isSettingName(text: string): text is SettingName {
  return Object.hasOwn(SETTINGS, text);
}

/** The environment variable of a setting. */
export function variableOf(name: SettingName): string {
  return `UNIBUS_${name.toUpperCase().replaceAll("-", "_")}`;
}

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** The property of the loaded settings that holds a setting. */
export function propertyOf<Name extends SettingName>(name: Name): CamelCase<Name> {
  // The same rule as the type's, at run time.
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as CamelCase<Name>;
}
