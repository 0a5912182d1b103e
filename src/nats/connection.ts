import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { ServiceKey } from "./service-key.ts";

export type { NatsConnection };

/** Where this node's own nats-server listens for its own services. */
export interface ServiceEndpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** How often a first connect over TLS is tried. */
const TLS_TRIES_MAX = 20;

/**
 * Connects one of the node's own services to its own nats-server, for as long as the node lives:
 * it reconnects quickly and never gives up, because no client can log in without it.
 */
export async function connectService(options: {
  readonly endpoint: ServiceEndpoint;
  readonly key: ServiceKey;
  readonly name: string;
}): Promise<NatsConnection> {
  for (let tries = 1; ; tries++) {
    try {
      return await connectOnce(options);
    } catch (error) {
      // Who says nothing for 50 ms is taken for a client without TLS, as this thread is when it is busy.
      if (!options.endpoint.tls || tries === TLS_TRIES_MAX) throw error;
    }
  }
}

async function connectOnce(options: Parameters<typeof connectService>[0]): Promise<NatsConnection> {
  const { endpoint, key, name } = options;
  return await connect({
    servers: `${endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`,
    name,
    authenticator: (nonce) => ({
      nkey: key.publicKey,
      sig: key.sign(Buffer.from(nonce ?? "")).toString("base64url"),
    }),
    // Our own child on this machine, whose certificate is made out to public names: encryption is
    // what its listener demands; that it is ours is known by the keys that only it was told.
    ...(endpoint.tls ? { tls: { rejectUnauthorized: false, handshakeFirst: true } } : {}),
    maxReconnectAttempts: -1,
    // A client that is back before this service has nobody to answer it.
    reconnectTimeWait: 5,
    reconnectJitter: 5,
    reconnectJitterTLS: 5,
    ignoreAuthErrorAbort: true,
    ignoreClusterUpdates: true,
    pingInterval: 20_000,
    timeout: 5_000,
  });
}
