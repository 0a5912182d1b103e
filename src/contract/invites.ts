import { type Static, Type } from "@sinclair/typebox";
import {
  INVITE_LIFE_MS_DEFAULT,
  INVITE_LIFE_MS_MAX,
  INVITE_LIFE_MS_MIN,
  INVITE_ROOMS_MAX,
} from "../core/limits.ts";
import { RoomRoleName } from "./members.ts";
import { BusRoleName } from "./users.ts";
import {
  CLOSED,
  LabelText,
  NameText,
  Next,
  nullable,
  PAGE_QUERY,
  RoomIdText,
  Time,
} from "./values.ts";

const INVITE = {
  invite: Type.String(),
  label: Type.String(),
  role: BusRoleName,
  rooms: Type.Array(Type.Object({ room: Type.String(), role: RoomRoleName }, CLOSED)),
  createdBy: Type.String({ description: "A user, or `operator`" }),
  createdAt: Time,
  expiresAt: Time,
  redeemedBy: nullable(Type.String(), { description: "Who used it; null while nobody has" }),
} as const;

/** A way onto the bus for one key that is no user yet. */
export const Invite = Type.Object(INVITE, CLOSED);
export type Invite = Static<typeof Invite>;

/** A new invite with the text that is handed over: shown here, and never again. */
export const NewInvite = Type.Object({ ...INVITE, secret: Type.String() }, CLOSED);
export type NewInvite = Static<typeof NewInvite>;

export const InvitePage = Type.Object({ invites: Type.Array(Invite), next: Next }, CLOSED);
export type InvitePage = Static<typeof InvitePage>;

export const InviteQuery = Type.Object({ ...PAGE_QUERY }, CLOSED);

export const CreateInviteBody = Type.Object(
  {
    label: Type.Optional(LabelText),
    role: Type.Optional(BusRoleName),
    rooms: Type.Optional(
      Type.Array(Type.Object({ room: RoomIdText, role: Type.Optional(RoomRoleName) }, CLOSED), {
        maxItems: INVITE_ROOMS_MAX,
      }),
    ),
    lifeSeconds: Type.Optional(
      Type.Integer({
        minimum: INVITE_LIFE_MS_MIN / 1000,
        maximum: INVITE_LIFE_MS_MAX / 1000,
        description: `Seconds of life; ${INVITE_LIFE_MS_DEFAULT / 1000} if left out`,
      }),
    ),
  },
  CLOSED,
);
export type CreateInviteBody = Static<typeof CreateInviteBody>;

export const RedeemInviteBody = Type.Object(
  {
    name: Type.Optional(nullable(NameText)),
    proof: Type.String({
      maxLength: 128,
      description: "Signature, in base64url, by the invite's secret over the newcomer's key",
    }),
  },
  CLOSED,
);
export type RedeemInviteBody = Static<typeof RedeemInviteBody>;

export const InviteParams = Type.Object(
  { invite: Type.String({ maxLength: 128, description: "The id of an invite" }) },
  CLOSED,
);
