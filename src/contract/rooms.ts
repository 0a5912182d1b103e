import { type Static, Type } from "@sinclair/typebox";
import {
  CLOSED,
  NameText,
  Next,
  nullable,
  PAGE_QUERY,
  RoomIdText,
  Time,
  UserKeyText,
} from "./values.ts";

/** Whether what is said goes to history; fixed when the room is made. */
export const HistoryName = Type.Union([Type.Literal("keep"), Type.Literal("off")]);
export type HistoryName = Static<typeof HistoryName>;

export const Room = Type.Object(
  {
    room: Type.String(),
    name: Type.String(),
    content: Type.Literal("plain"),
    history: HistoryName,
    /** Whether anything is kept by now; false until this version of unibus keeps history. */
    historyKept: Type.Boolean(),
    /** What all subjects of the room begin with; a sender's own are `<subject>.<nkey>.<topic…>`. */
    subject: Type.String(),
    /** Members, those included whose membership waits for acceptance. */
    members: Type.Integer({ minimum: 0 }),
    /** Who made it: a user, `operator` or `anonymous`. */
    createdBy: Type.String(),
    createdAt: Time,
  },
  CLOSED,
);
export type Room = Static<typeof Room>;

export const RoomPage = Type.Object({ rooms: Type.Array(Room), next: Next }, CLOSED);
export type RoomPage = Static<typeof RoomPage>;

export const RoomQuery = Type.Object({ ...PAGE_QUERY, name: Type.Optional(NameText) }, CLOSED);

export const CreateRoomBody = Type.Object(
  {
    name: NameText,
    /** Only the local operator names an owner; everybody else owns what they make. */
    owner: Type.Optional(nullable(UserKeyText)),
    history: Type.Optional(HistoryName),
  },
  CLOSED,
);
export type CreateRoomBody = Static<typeof CreateRoomBody>;

export const RoomParams = Type.Object({ room: RoomIdText }, CLOSED);
