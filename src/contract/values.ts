import { type SchemaOptions, type Static, type TSchema, Type } from "@sinclair/typebox";
import { PAGE_ROWS_MAX } from "../core/limits.ts";

/** Objects of the API are closed: an unknown member is refused, never dropped. */
export const CLOSED = { additionalProperties: false } as const;

/** A text of a request that is judged in words later, so that a refusal can say why. */
export function boundedText(maxLength: number) {
  return Type.String({ maxLength });
}

/** A public user nkey, as requests carry it. Its form and checksum are judged by `core/nkey.ts`. */
export const UserKeyText = Type.String({
  maxLength: 128,
  description: "A public user nkey: U and 55 characters A to Z, 2 to 7",
});
export const RoomIdText = Type.String({ maxLength: 128, description: "The id of a room" });
/** Characters are counted in UTF-16 here; the rule about names counts and judges them again. */
export const NameText = boundedText(256);
/** What somebody calls a token or an invite, for their own lists. */
export const LabelText = boundedText(256);
export const Time = Type.String({
  pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$",
  description: "RFC 3339, UTC, to the millisecond",
});

export const AuthModeName = Type.Union(
  [Type.Literal("off"), Type.Literal("soft"), Type.Literal("enforce")],
  {
    description:
      "enforce admits proved keys alone; soft admits all and tells whom enforce would refuse; off admits all",
  },
);

export const DataPlaneKind = Type.Union([Type.Literal("embedded"), Type.Literal("external")], {
  description: "Whose NATS server carries the messages: this node's own, or one of somebody else's",
});

export function nullable<Schema extends TSchema>(schema: Schema, options?: SchemaOptions) {
  return Type.Union([schema, Type.Null()], options);
}

/** No members at all: the body of a mutation that says everything in its path. */
export const Nothing = Type.Object({}, CLOSED);
export type Nothing = Static<typeof Nothing>;

/** A signature of Ed25519 in base64url. */
export const SignatureText = Type.String({ pattern: "^[A-Za-z0-9_-]{86}$" });

/** What may leave the bus without an admin, or a room without an owner, if it says so. */
export const OrphanQuery = Type.Object(
  {
    orphan: Type.Optional(
      Type.Literal("true", {
        description:
          "The local operator may leave the bus without an admin, or the room without an owner",
      }),
    ),
  },
  CLOSED,
);
export type OrphanQuery = Static<typeof OrphanQuery>;

/** What every list takes: how many rows at most, and after which cursor. */
export const PAGE_QUERY = {
  limit: Type.Optional(
    Type.String({ pattern: "^[1-9][0-9]{0,5}$", description: `1 to ${PAGE_ROWS_MAX}` }),
  ),
  after: Type.Optional(
    Type.String({ maxLength: 128, description: "`next` of the page before this one" }),
  ),
} as const;

export const Next = nullable(Type.String(), {
  description: "Where the next page begins; null on the last one",
});
