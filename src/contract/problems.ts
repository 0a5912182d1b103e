import { type Static, Type } from "@sinclair/typebox";
import { CLOSED } from "./values.ts";

/** Every answer that is no success. Source: RFC 9457. */
export const ProblemBody = Type.Object(
  {
    type: Type.String({ format: "uri" }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: "The last part of `type`: what programs compare" }),
  },
  CLOSED,
);
export type ProblemBody = Static<typeof ProblemBody>;
