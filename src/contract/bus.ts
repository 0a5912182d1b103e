import { type Static, Type } from "@sinclair/typebox";
import { AuthModeName, CLOSED, DataPlaneKind, nullable } from "./values.ts";

/** Where and how clients reach the data plane. */
export const Bus = Type.Object(
  {
    dataPlane: DataPlaneKind,
    clientUrls: Type.Array(Type.String(), {
      description: "NATS URLs for clients; none while the node is stopped",
    }),
    nodes: Type.Array(
      Type.Object(
        {
          node: Type.String(),
          clientUrls: Type.Array(Type.String(), { description: "NATS URLs for clients" }),
          apiUrls: Type.Array(Type.String(), { description: "Origins of its API" }),
        },
        CLOSED,
      ),
      { description: "All nodes of the cluster that told where they are reached, this one too" },
    ),
    tls: Type.Boolean(),
    mode: AuthModeName,
    version: Type.String(),
    natsVersion: nullable(Type.String(), {
      description: "Version of the nats-server; null while there is none",
    }),
    cluster: nullable(Type.String()),
    limits: Type.Object(
      {
        payloadBytesMax: nullable(Type.Integer()),
        connectionsPerUserMax: nullable(Type.Integer()),
        subscriptionsPerConnectionMax: nullable(Type.Integer()),
        roomsPerUserMax: Type.Integer(),
      },
      {
        ...CLOSED,
        description: "What NATS clients may is null where an external NATS server decides it",
      },
    ),
  },
  CLOSED,
);
export type Bus = Static<typeof Bus>;
