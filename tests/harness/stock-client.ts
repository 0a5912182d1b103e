import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { TestKey } from "./raw-nats.ts";
import type { SceneRoom } from "./scene.ts";

/** Connects a nats.js client that comes back by itself. */
export async function connectReconnecting(port: number, key: TestKey): Promise<NatsConnection> {
  return await connect({
    servers: `127.0.0.1:${port}`,
    authenticator: (nonce) => ({
      nkey: key.user,
      sig: key.sign(nonce ?? "").toString("base64url"),
    }),
    ...{ maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 20 },
    // It gives up after two refusals, and a nats-server that has just started may refuse at first.
    ignoreAuthErrorAbort: true,
  });
}

/** Connects a nats.js client as it comes, with the inbox prefix of a room where one is given. */
export async function connectStock(
  port: number,
  key: TestKey,
  room?: SceneRoom,
): Promise<NatsConnection> {
  return await connect({
    servers: `127.0.0.1:${port}`,
    authenticator: (nonce) => ({
      nkey: key.user,
      sig: key.sign(nonce ?? "").toString("base64url"),
    }),
    ...(room ? { inboxPrefix: `_INBOX.${key.user}.${room.id}` } : {}),
    reconnect: false,
  });
}
