import type { Msg, NatsConnection } from "@nats-io/transport-node";

/**
 * Calls what is given with the number of each connection that opened or closed at one server. The
 * system account hears of every node's connections, and each server numbers its own.
 */
export function watchConnections(options: {
  readonly system: Pick<NatsConnection, "subscribe">;
  readonly serverId: () => string;
  readonly opened: (connection: number) => void;
  readonly closed: (connection: number) => void;
}): void {
  const { system, serverId, opened, closed } = options;
  system.subscribe("$SYS.ACCOUNT.*.DISCONNECT", {
    callback: (_error, message) => onEvent(message, serverId(), closed),
  });
  system.subscribe("$SYS.ACCOUNT.*.CONNECT", {
    callback: (_error, message) => onEvent(message, serverId(), opened),
  });
}

function onEvent(message: Msg, serverId: string, act: (connection: number) => void): void {
  const event: unknown = message.json();
  if (typeof event !== "object" || event === null || !("client" in event)) return;
  if (!("server" in event) || !isServer(event.server, serverId)) return;
  const { client } = event;
  if (typeof client !== "object" || client === null || !("id" in client)) return;
  if (typeof client.id === "number") act(client.id);
}

function isServer(server: unknown, serverId: string): boolean {
  return typeof server === "object" && server !== null && "id" in server && server.id === serverId;
}
