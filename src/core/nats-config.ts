import {
  NATS_CONNECTIONS_MAX,
  NATS_LOGIN_TIMEOUT_MS,
  NATS_PAYLOAD_BYTES_MAX,
  NATS_PENDING_BYTES_MAX,
  NATS_WRITE_DEADLINE_MS,
  PAYLOAD_BYTES_MAX,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
} from "./limits.ts";

/** What a node's nats-server is told. Keys are public nkeys; nothing here is secret but in TLS files. */
export interface NatsSettings {
  readonly serverName: string;
  readonly host: string;
  readonly port: number;
  readonly jetStreamFolder: string;
  /** Public account key that signs this boot's user JWTs. */
  readonly issuer: string;
  /** Public user keys of unibus itself, one per account it enters; new at each boot. */
  readonly services: {
    readonly system: string;
    readonly authorization: string;
    readonly app: string;
  };
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
}

export type NatsConfig = { readonly [key: string]: unknown };

/** Name of the account in which this node alone answers logins. */
export function authorizationAccount(serverName: string): string {
  return `AUTH_${serverName}`;
}

/** Account of users under soft and enforce; account of everybody under off. */
export const APP_ACCOUNT = "APP";
export const OPEN_ACCOUNT = "OPEN";

/**
 * Renders the configuration of nats-server. It is the same in every mode: what differs is what the
 * callout answers, so that a folder can change its mode and lose nothing. Never part of it:
 * `no_auth_user` (a route could enter by it), a monitoring port (it knows no authentication), and
 * `resp` permissions.
 * Source: nats-server `server/opts.go`; NATS ADR-26 for the callout.
 */
export function natsConfig(settings: NatsSettings): NatsConfig {
  const { services } = settings;
  return {
    server_name: settings.serverName,
    host: settings.host,
    port: settings.port,
    max_payload: NATS_PAYLOAD_BYTES_MAX,
    max_connections: NATS_CONNECTIONS_MAX,
    max_pending: NATS_PENDING_BYTES_MAX,
    write_deadline: `${NATS_WRITE_DEADLINE_MS / 1000}s`,
    logtime: false,
    jetstream: { store_dir: settings.jetStreamFolder },
    accounts: accountsOf(settings),
    system_account: "SYS",
    authorization: {
      timeout: NATS_LOGIN_TIMEOUT_MS / 1000,
      auth_callout: {
        issuer: settings.issuer,
        account: authorizationAccount(settings.serverName),
        auth_users: [services.system, services.authorization, services.app],
        allowed_accounts: [APP_ACCOUNT, OPEN_ACCOUNT],
      },
    },
    ...(settings.tls
      ? {
          tls: {
            cert_file: settings.tls.certFile,
            key_file: settings.tls.keyFile,
            min_version: "1.2",
            timeout: NATS_LOGIN_TIMEOUT_MS / 1000,
            // A client that asks for TLS first gets it; one that waits for INFO gets that after 50 ms.
            handshake_first: "auto",
          },
        }
      : {}),
  };
}

function accountsOf({ serverName, services }: NatsSettings): NatsConfig {
  return {
    SYS: { users: [{ nkey: services.system }] },
    [authorizationAccount(serverName)]: { users: [{ nkey: services.authorization }] },
    CTRL: { jetstream: "enabled" },
    HIST: {
      jetstream: "enabled",
      imports: [
        { stream: { account: APP_ACCOUNT, subject: "rm.k.>" }, prefix: "cap" },
        { stream: { account: OPEN_ACCOUNT, subject: "rm.k.>" }, prefix: "open" },
      ],
    },
    [APP_ACCOUNT]: {
      exports: [{ stream: "rm.k.>", accounts: ["HIST"] }],
      users: [{ nkey: services.app }],
      // Of each connection. nats-server reads no limits out of the user JWT of a callout
      // (`client.applyAccountLimits`), so they have to stand here too.
      limits: {
        max_subscriptions: SUBSCRIPTIONS_PER_CONNECTION_MAX,
        max_payload: PAYLOAD_BYTES_MAX,
      },
    },
    [OPEN_ACCOUNT]: {
      jetstream: "enabled",
      exports: [{ stream: "rm.k.>", accounts: ["HIST"] }],
    },
  };
}
