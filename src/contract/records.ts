import { type Static, Type } from "@sinclair/typebox";
import { RECORD_CHARS_MAX } from "../core/limits.ts";
import { CLOSED } from "./values.ts";

/** A record of a room's log, as its maker signed it: canonical JSON, and the signature, in base64url. */
export const SignedRecord = Type.Object(
  {
    record: Type.String({ maxLength: RECORD_CHARS_MAX, pattern: "^[A-Za-z0-9_-]+$" }),
    signature: Type.String({ maxLength: 128, pattern: "^[A-Za-z0-9_-]+$" }),
  },
  CLOSED,
);
export type SignedRecord = Static<typeof SignedRecord>;
