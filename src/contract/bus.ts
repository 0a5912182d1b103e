import { type Static, Type } from "@sinclair/typebox";
import { AuthModeName, CLOSED, nullable } from "./values.ts";

/** Where and how clients reach the data plane. */
export const Bus = Type.Object(
  {
    /** NATS URLs for clients; none while the node is stopped. */
    clientUrls: Type.Array(Type.String()),
    tls: Type.Boolean(),
    mode: AuthModeName,
    version: Type.String(),
    /** Version of the nats-server; null while there is none. */
    natsVersion: nullable(Type.String()),
    cluster: nullable(Type.String()),
    limits: Type.Object(
      {
        payloadBytesMax: Type.Integer(),
        connectionsPerUserMax: Type.Integer(),
        subscriptionsPerConnectionMax: Type.Integer(),
        roomsPerUserMax: Type.Integer(),
      },
      CLOSED,
    ),
  },
  CLOSED,
);
export type Bus = Static<typeof Bus>;
