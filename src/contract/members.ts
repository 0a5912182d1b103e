import { type Static, Type } from "@sinclair/typebox";
import { CLOSED, Next, nullable, PAGE_QUERY, RoomIdText, Time, UserKeyText } from "./values.ts";

export const RoomRoleName = Type.Union(
  [Type.Literal("owner"), Type.Literal("member"), Type.Literal("reader"), Type.Literal("writer")],
  { description: "An owner also manages the room; a reader only listens, a writer only speaks" },
);
export const MemberStateName = Type.Union([Type.Literal("pending"), Type.Literal("active")], {
  description: "A pending member has no rights in the room until the user accepts",
});

export const Member = Type.Object(
  {
    room: Type.String(),
    user: Type.String(),
    name: nullable(Type.String(), {
      description: "The user's name; null for a user without one, and to `anonymous`",
    }),
    role: RoomRoleName,
    state: MemberStateName,
    addedAt: Time,
  },
  CLOSED,
);
export type Member = Static<typeof Member>;

export const MemberPage = Type.Object({ members: Type.Array(Member), next: Next }, CLOSED);
export type MemberPage = Static<typeof MemberPage>;

export const MemberQuery = Type.Object({ ...PAGE_QUERY }, CLOSED);

export const AddMemberBody = Type.Object({ role: Type.Optional(RoomRoleName) }, CLOSED);
export type AddMemberBody = Static<typeof AddMemberBody>;

export const MemberParams = Type.Object({ room: RoomIdText, user: UserKeyText }, CLOSED);
