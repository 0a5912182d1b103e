import { type Static, Type } from "@sinclair/typebox";
import { MemberStateName, RoomRoleName } from "./members.ts";
import {
  CLOSED,
  NameText,
  Next,
  nullable,
  PAGE_QUERY,
  SignatureText,
  Time,
  UserKeyText,
} from "./values.ts";

export const BusRoleName = Type.Union([Type.Literal("admin"), Type.Literal("member")]);
export const UserStateName = Type.Union([Type.Literal("active"), Type.Literal("revoked")]);

export const AcceptName = Type.Union(
  [Type.Literal("from-admins"), Type.Literal("all"), Type.Literal("none")],
  {
    description: "Whose adding to a room a user takes without being asked",
  },
);

const USER = {
  user: Type.String(),
  name: nullable(Type.String()),
  role: BusRoleName,
  state: UserStateName,
  accept: AcceptName,
  createdAt: Time,
  changedAt: Time,
  successor: nullable(Type.String(), {
    description: "The key that took its place; null while none did",
  }),
  keyNumber: Type.Integer({ description: "Which of its user's keys it is: 1 is the first" }),
} as const;

export const User = Type.Object(USER, CLOSED);
export type User = Static<typeof User>;

export const UserRoom = Type.Object(
  {
    room: Type.String(),
    name: Type.String(),
    role: RoomRoleName,
    state: MemberStateName,
  },
  CLOSED,
);
export type UserRoom = Static<typeof UserRoom>;

/**
 * One user with the rooms it is in, those whose members the caller may see: all of them to the local
 * operator. As many as a user may be in, so never more than a page.
 */
export const UserDetail = Type.Object({ ...USER, rooms: Type.Array(UserRoom) }, CLOSED);
export type UserDetail = Static<typeof UserDetail>;

export const UserPage = Type.Object({ users: Type.Array(User), next: Next }, CLOSED);
export type UserPage = Static<typeof UserPage>;

export const UserQuery = Type.Object(
  {
    ...PAGE_QUERY,
    name: Type.Optional(NameText),
    all: Type.Optional(
      Type.Literal("true", { description: "Keys too that were replaced by others" }),
    ),
  },
  CLOSED,
);

export const SeedUserBody = Type.Object(
  { user: UserKeyText, name: Type.Optional(nullable(NameText)) },
  CLOSED,
);
export type SeedUserBody = Static<typeof SeedUserBody>;

export const AddUserBody = Type.Object(
  {
    user: UserKeyText,
    name: Type.Optional(nullable(NameText)),
    role: Type.Optional(BusRoleName),
  },
  CLOSED,
);
export type AddUserBody = Static<typeof AddUserBody>;

/** What an admin may change; at least one of them. */
export const UpdateUserBody = Type.Object(
  { name: Type.Optional(NameText), role: Type.Optional(BusRoleName) },
  CLOSED,
);
export type UpdateUserBody = Static<typeof UpdateUserBody>;

/** Signatures over the bus, the old key, the new key and its number. */
export const KeyReplacementProof = Type.Object(
  {
    number: Type.Integer({
      minimum: 2,
      maximum: 0xffff_ffff,
      description: "The `keyNumber` of the old key and one more",
    }),
    byNew: SignatureText,
    byOld: nullable(SignatureText, {
      description: "Null where an admin or the local operator replaces the key",
    }),
  },
  CLOSED,
);

/** The public key that takes a user's place, and what proves that it is to. */
export const ReplaceKeyBody = Type.Object(
  { user: UserKeyText, proof: KeyReplacementProof },
  CLOSED,
);
export type ReplaceKeyBody = Static<typeof ReplaceKeyBody>;

export const UserParams = Type.Object({ user: UserKeyText }, CLOSED);
