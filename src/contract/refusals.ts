import { type Static, Type } from "@sinclair/typebox";
import { CLOSED, Time } from "./values.ts";

/** Something that was refused, or that enforce would have refused. */
export const Refused = Type.Object(
  {
    at: Time,
    kind: Type.Union([
      Type.Literal("login"),
      Type.Literal("publish"),
      Type.Literal("subscribe"),
      Type.Literal("request"),
    ]),
    reason: Type.String(),
    address: Type.String({ description: "Address of the client; empty where it is not known" }),
    user: Type.String({ description: "The key that was offered; empty when there was none" }),
    subject: Type.String({
      description: "Subject of a publish or subscription, method and route of a request",
    }),
    admitted: Type.Boolean({
      description: "True under soft: it was let through, and enforce would have refused it",
    }),
  },
  CLOSED,
);
export type Refused = Static<typeof Refused>;

export const Refusals = Type.Object(
  {
    counts: Type.Record(Type.String({ pattern: "^[a-z.-]+$" }), Type.Integer(), {
      ...CLOSED,
      description:
        "Since the node's start, by kind and reason: `login.key-unknown`, `soft.request.unauthenticated`",
    }),
    last: Type.Array(Refused),
  },
  CLOSED,
);
export type Refusals = Static<typeof Refusals>;
