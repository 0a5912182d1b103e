import { type Static, Type } from "@sinclair/typebox";
import { SignedRecord } from "./records.ts";
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

export const HistoryName = Type.Union([Type.Literal("keep"), Type.Literal("off")], {
  description: "Whether what is said goes to history; fixed when the room is made",
});
export type HistoryName = Static<typeof HistoryName>;

export const ContentName = Type.Union([Type.Literal("plain"), Type.Literal("encrypted")], {
  description: "Who can read what is said: this node's machine too, or members alone",
});

export const Room = Type.Object(
  {
    room: Type.String(),
    name: Type.String(),
    content: ContentName,
    history: HistoryName,
    historyKept: Type.Boolean({
      description:
        "Whether anything is kept by now; false until this version of unibus keeps history",
    }),
    subject: Type.String({
      description:
        "What all subjects of the room begin with; a sender's own are `<subject>.<nkey>.<topic…>`",
    }),
    members: Type.Integer({
      minimum: 0,
      description: "Members, those included whose membership waits for acceptance",
    }),
    createdBy: Type.String({ description: "Who made it: a user, `operator` or `anonymous`" }),
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
    owner: Type.Optional(
      nullable(UserKeyText, {
        description: "Only the local operator names an owner; everybody else owns what they make",
      }),
    ),
    history: Type.Optional(HistoryName),
    content: Type.Optional(ContentName),
    /** The first record of an encrypted room's log, signed by its owner; its digest is the room's id. */
    genesis: Type.Optional(SignedRecord),
  },
  CLOSED,
);
export type CreateRoomBody = Static<typeof CreateRoomBody>;

export const UpdateRoomBody = Type.Object({ name: NameText }, CLOSED);
export type UpdateRoomBody = Static<typeof UpdateRoomBody>;

export const RoomParams = Type.Object({ room: RoomIdText }, CLOSED);
