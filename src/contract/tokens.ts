import { type Static, Type } from "@sinclair/typebox";
import { TOKEN_LIFE_MS_MAX } from "../core/limits.ts";
import { CLOSED, LabelText, Next, nullable, PAGE_QUERY, RoomIdText, Time } from "./values.ts";

export const TokenScopeName = Type.Union(
  [Type.Literal("read"), Type.Literal("write"), Type.Literal("admin")],
  {
    description:
      "What a token may do at most: look; also publish and manage rooms; also what an admin may",
  },
);

const TOKEN = {
  token: Type.String(),
  label: Type.String(),
  scope: TokenScopeName,
  room: nullable(Type.String(), {
    description: "The one room it is for; null for all of its user's",
  }),
  createdAt: Time,
  expiresAt: Time,
} as const;

export const Token = Type.Object(TOKEN, CLOSED);
export type Token = Static<typeof Token>;

/** A new token with the text that proves it: shown here, and never again. */
export const NewToken = Type.Object({ ...TOKEN, secret: Type.String() }, CLOSED);
export type NewToken = Static<typeof NewToken>;

export const TokenPage = Type.Object({ tokens: Type.Array(Token), next: Next }, CLOSED);
export type TokenPage = Static<typeof TokenPage>;

export const TokenQuery = Type.Object({ ...PAGE_QUERY }, CLOSED);

export const CreateTokenBody = Type.Object(
  {
    label: Type.Optional(LabelText),
    scope: TokenScopeName,
    room: Type.Optional(nullable(RoomIdText)),
    lifeSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: TOKEN_LIFE_MS_MAX / 1000,
        description: "Seconds of life; the most there may be if left out",
      }),
    ),
  },
  CLOSED,
);
export type CreateTokenBody = Static<typeof CreateTokenBody>;

export const TokenParams = Type.Object(
  { token: Type.String({ maxLength: 128, description: "The id of a token" }) },
  CLOSED,
);
