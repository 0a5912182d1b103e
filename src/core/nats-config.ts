import { CIPHER_SUITES } from "./cipher-suites.ts";
import { routeWithSecret } from "./cluster-policy.ts";
import {
  CLUSTER_POOL_SIZE,
  NATS_CONNECTIONS_MAX,
  NATS_LOGIN_TIMEOUT_MS,
  NATS_PAYLOAD_BYTES_MAX,
  NATS_PENDING_BYTES_MAX,
  NATS_WRITE_DEADLINE_MS,
  PAYLOAD_BYTES_MAX,
  ROUTE_LOGIN_TIMEOUT_MS,
  ROUTE_WRITE_DEADLINE_MS,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
} from "./limits.ts";

/** The secret that gates the route listeners of a cluster, the same on every node. */
export interface RouteSecret {
  readonly user: string;
  readonly password: string;
}

/** How a node's nats-server joins those of the other nodes. */
export interface NatsClusterSettings {
  readonly name: string;
  /** Port of the route listener; its host is the client listener's. */
  readonly port: number;
  /** The other nodes' route listeners, as they were given. */
  readonly routes: readonly string[];
  readonly secret: RouteSecret | null;
  /** Password that it dials with as well, because others may not take the new one yet; it takes none of it. */
  readonly formerPassword: string | null;
  /** Files of mutual TLS on routes. */
  readonly tls: {
    readonly certFile: string;
    readonly keyFile: string;
    readonly caFile: string;
  } | null;
  /** Public user key of the one who keeps the journal here; new at each boot. */
  readonly control: string;
}

/** What a node's nats-server is told. Keys are public nkeys; the one secret is that of the routes. */
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
  /** Null on a node on its own. */
  readonly cluster: NatsClusterSettings | null;
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
  const { services, cluster } = settings;
  return {
    server_name: settings.serverName,
    host: settings.host,
    port: settings.port,
    max_payload: NATS_PAYLOAD_BYTES_MAX,
    max_connections: NATS_CONNECTIONS_MAX,
    max_pending: NATS_PENDING_BYTES_MAX,
    write_deadline: `${NATS_WRITE_DEADLINE_MS / 1000}s`,
    logtime: false,
    jetstream: {
      store_dir: settings.jetStreamFolder,
      // What a majority acknowledged is on the disk of each of them.
      ...(cluster ? { sync_interval: "always" } : {}),
    },
    accounts: accountsOf(settings),
    system_account: "SYS",
    authorization: {
      timeout: NATS_LOGIN_TIMEOUT_MS / 1000,
      auth_callout: {
        issuer: settings.issuer,
        account: authorizationAccount(settings.serverName),
        auth_users: [
          services.system,
          services.authorization,
          services.app,
          ...(cluster ? [cluster.control] : []),
        ],
        allowed_accounts: [APP_ACCOUNT, OPEN_ACCOUNT],
      },
    },
    ...(settings.tls
      ? {
          tls: {
            cert_file: settings.tls.certFile,
            key_file: settings.tls.keyFile,
            min_version: "1.2",
            cipher_suites: CIPHER_SUITES,
            timeout: NATS_LOGIN_TIMEOUT_MS / 1000,
            // A client that asks for TLS first gets it; one that waits for INFO gets that after 50 ms.
            handshake_first: "auto",
          },
        }
      : {}),
    ...(cluster ? { cluster: clusterOf(cluster, settings.host) } : {}),
  };
}

/**
 * Renders how servers reach each other. They authenticate by secret and certificate; no client's key
 * means anything on a route. Clients hear of the other nodes from unibus, not from nats-server.
 * Source: nats-server `server/route.go`, `server/opts.go` (`parseCluster`).
 */
function clusterOf(cluster: NatsClusterSettings, host: string): NatsConfig {
  const { name, port, routes, secret, formerPassword, tls } = cluster;
  const former = secret && formerPassword !== null ? { ...secret, password: formerPassword } : null;
  return {
    name,
    host,
    port,
    no_advertise: true,
    pool_size: CLUSTER_POOL_SIZE,
    write_deadline: `${ROUTE_WRITE_DEADLINE_MS / 1000}s`,
    compression: { mode: "s2_auto" },
    ...(secret
      ? {
          authorization: {
            user: secret.user,
            password: secret.password,
            timeout: ROUTE_LOGIN_TIMEOUT_MS / 1000,
          },
        }
      : {}),
    ...(tls
      ? {
          tls: {
            cert_file: tls.certFile,
            key_file: tls.keyFile,
            ca_file: tls.caFile,
            // Whoever dials shows a certificate of this CA too.
            verify: true,
            // Its suites are fixed.
            min_version: "1.3",
            timeout: ROUTE_LOGIN_TIMEOUT_MS / 1000,
          },
        }
      : {}),
    // A route that is there twice is dialled with either secret, and opened once.
    routes: [
      ...routes.map((route) => routeWithSecret(route, secret)),
      ...(former ? routes.map((route) => routeWithSecret(route, former)) : []),
    ],
  };
}

function accountsOf({ serverName, services, cluster }: NatsSettings): NatsConfig {
  return {
    SYS: { users: [{ nkey: services.system }] },
    [authorizationAccount(serverName)]: { users: [{ nkey: services.authorization }] },
    CTRL: {
      jetstream: "enabled",
      ...(cluster ? { users: [{ nkey: cluster.control }] } : {}),
    },
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
