import { type Static, Type } from "@sinclair/typebox";
import { TokenScopeName } from "./tokens.ts";
import { AcceptName, User, UserRoom } from "./users.ts";
import { CLOSED, NameText, nullable } from "./values.ts";

/** Who the caller is to this bus, how it proved that, and the rooms it is in or asked into. */
export const Me = Type.Object(
  {
    kind: Type.Union([Type.Literal("operator"), Type.Literal("user"), Type.Literal("anonymous")]),
    user: nullable(User, {
      description: "Null for the operator and for `anonymous`, who are no users",
    }),
    scope: nullable(TokenScopeName, {
      description: "The scope of the token that the caller came with; null for a signed request",
    }),
    rooms: Type.Array(UserRoom),
  },
  CLOSED,
);
export type Me = Static<typeof Me>;

export const UpdateMeBody = Type.Object({ accept: AcceptName }, CLOSED);
export type UpdateMeBody = Static<typeof UpdateMeBody>;

/** One user as other users find it: by its exact name. */
export const DirectoryEntry = Type.Object({ user: Type.String(), name: Type.String() }, CLOSED);
export type DirectoryEntry = Static<typeof DirectoryEntry>;

export const Directory = Type.Object({ users: Type.Array(DirectoryEntry) }, CLOSED);
export type Directory = Static<typeof Directory>;

export const DirectoryQuery = Type.Object({ name: NameText }, CLOSED);
