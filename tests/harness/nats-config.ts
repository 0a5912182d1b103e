import { createHash } from "node:crypto";
import { type NatsSettings, natsConfig } from "../../src/core/nats-config.ts";
import { encodeNkey, type NkeyKind } from "../../src/core/nkey.ts";

/** The same key each time for a label. */
function keyOf(kind: NkeyKind, label: string): string {
  return encodeNkey(kind, createHash("sha256").update(label).digest());
}

/** What stands in the golden files for what differs from start to start. */
export const GOLDEN_SETTINGS = {
  serverName: "unibus",
  host: "127.0.0.1",
  port: 4250,
  jetStreamFolder: "/data/jetstream",
  issuer: keyOf("account", "issuer"),
  services: {
    system: keyOf("user", "system"),
    authorization: keyOf("user", "authorization"),
    app: keyOf("user", "app"),
  },
  tls: null,
  cluster: null,
} as const satisfies NatsSettings;

/** The same, as a node of a cluster. */
export const GOLDEN_CLUSTER = {
  ...GOLDEN_SETTINGS,
  serverName: "n1",
  host: "10.0.0.1",
  cluster: {
    name: "bus",
    port: 6250,
    routes: ["nats://10.0.0.2:6250", "nats://other:p%40ss@10.0.0.3:6250"],
    secret: { user: "route", password: 'a secret with "$@/:,' },
    formerPassword: null,
    tls: {
      certFile: "/proc/self/fd/4",
      keyFile: "/proc/self/fd/4",
      caFile: "/proc/self/fd/5",
    },
    control: keyOf("user", "control"),
  },
} as const satisfies NatsSettings;

/** Puts keys, folder and port of the golden files in place of a running server's own. */
export function goldenNatsConfig(config: Record<string, unknown>): unknown {
  const text = JSON.stringify(config);
  const golden = keysOf(JSON.stringify(natsConfig(GOLDEN_SETTINGS)));
  const named = keysOf(text).reduce(
    (rest, key, at) => rest.replaceAll(key, golden[at] ?? key),
    text,
  );
  const { jetstream, ...rest }: { jetstream?: object } = JSON.parse(named);
  return {
    ...rest,
    port: GOLDEN_SETTINGS.port,
    jetstream: { ...jetstream, store_dir: GOLDEN_SETTINGS.jetStreamFolder },
  };
}

/** Different keys, in the order in which they stand in the text. */
function keysOf(text: string): readonly string[] {
  return [...new Set(text.match(/\b[UA][A-Z2-7]{55}\b/g))];
}
