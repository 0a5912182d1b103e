import { type Static, Type } from "@sinclair/typebox";
import { AuthModeName, CLOSED, DataPlaneKind, nullable } from "./values.ts";

/** One part of the node and whether it does its work. */
export const HealthPart = Type.Object(
  { part: Type.String(), ready: Type.Boolean(), detail: Type.String() },
  CLOSED,
);
export type HealthPart = Static<typeof HealthPart>;

/** How the node is guarded: what an operator must know before trusting it. */
export const Posture = Type.Object(
  {
    mode: AuthModeName,
    tls: Type.Boolean(),
    rights: nullable(
      Type.Union([Type.Literal("rooms"), Type.Literal("all-rooms"), Type.Literal("all")]),
      {
        description:
          "Who may use which subjects: by membership (enforce), all rooms (soft), everything (off); null where an external NATS server decides it",
      },
    ),
    plainRooms: Type.Boolean(),
    cluster: nullable(Type.String(), {
      description: "Name of the cluster; null on a standalone node",
    }),
    dataPlane: DataPlaneKind,
  },
  CLOSED,
);
export type Posture = Static<typeof Posture>;

export const Health = Type.Object(
  {
    alive: Type.Boolean({
      description: "Whether all its threads answer; one that is not alive is to be started anew",
    }),
    ready: Type.Boolean(),
    version: Type.String(),
    bus: Type.String({ description: "Id of the bus, which certificates and records name" }),
    posture: Posture,
    parts: Type.Array(HealthPart),
    warnings: Type.Array(Type.String(), {
      description: "What an operator should know though the parts do their work, a sentence each",
    }),
  },
  CLOSED,
);
export type Health = Static<typeof Health>;

export const Readiness = Type.Object({ ready: Type.Literal(true) }, CLOSED);
export type Readiness = Static<typeof Readiness>;
