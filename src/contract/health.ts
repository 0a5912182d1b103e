import { type Static, Type } from "@sinclair/typebox";
import { AuthModeName, CLOSED, nullable } from "./values.ts";

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
    /** Who may use which subjects: by membership (enforce), all rooms (soft), everything (off). */
    rights: Type.Union([Type.Literal("rooms"), Type.Literal("all-rooms"), Type.Literal("all")]),
    plainRooms: Type.Boolean(),
    /** Name of the cluster; null on a standalone node. */
    cluster: nullable(Type.String()),
  },
  CLOSED,
);
export type Posture = Static<typeof Posture>;

export const Health = Type.Object(
  {
    ready: Type.Boolean(),
    version: Type.String(),
    posture: Posture,
    parts: Type.Array(HealthPart),
  },
  CLOSED,
);
export type Health = Static<typeof Health>;

export const Readiness = Type.Object({ ready: Type.Literal(true) }, CLOSED);
export type Readiness = Static<typeof Readiness>;
