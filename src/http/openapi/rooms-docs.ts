import type { RouteGroup } from "./route-doc.ts";

/** What is told about the routes of rooms. */
export const ROOMS_DOCS: readonly RouteGroup[] = [
  {
    tag: "rooms",
    about: "Where users talk",
    routes: {
      "GET /v1/rooms": {
        id: "listRooms",
        summary: "List rooms",
        description:
          "Users see the rooms that they are in or asked into, admins and the local operator all.",
        problems: ["room-not-found"],
      },
      "POST /v1/rooms": {
        id: "createRoom",
        summary: "Make a room",
        description: "Whoever makes it owns it. An encrypted one carries its signed first record.",
        problems: [
          "key-invalid",
          "plain-rooms-disabled",
          "record-invalid",
          "room-exists",
          "room-not-found",
          "rooms-full",
          "user-not-found",
          "user-revoked",
        ],
        versioned: true,
        located: true,
      },
      "GET /v1/rooms/:room": {
        id: "getRoom",
        summary: "Show a room",
        problems: ["room-not-found"],
        versioned: true,
      },
      "PATCH /v1/rooms/:room": {
        id: "updateRoom",
        summary: "Give a room another name",
        problems: ["room-not-found", "version-conflict"],
        versioned: true,
      },
      "DELETE /v1/rooms/:room": {
        id: "deleteRoom",
        summary: "Delete a room, with all that is in it",
        problems: ["room-not-found"],
      },
    },
  },
  {
    tag: "members",
    about: "Who is in a room, with which role",
    routes: {
      "GET /v1/rooms/:room/members": {
        id: "listMembers",
        summary: "List the members of a room",
        problems: ["forbidden", "room-not-found", "key-invalid"],
      },
      "PUT /v1/rooms/:room/members/:user": {
        id: "putMember",
        summary: "Add a user to a room, or change its role",
        description: "A user who has to accept first is `pending`, without rights until then.",
        problems: [
          "key-invalid",
          "last-owner",
          "member-not-found",
          "pending-full",
          "record-required",
          "rights-taken-lately",
          "room-full",
          "room-not-found",
          "rooms-full",
          "user-not-found",
          "user-revoked",
        ],
        located: true,
      },
      "DELETE /v1/rooms/:room/members/:user": {
        id: "removeMember",
        summary: "Remove a user from a room",
        problems: ["key-invalid", "last-owner", "member-not-found", "room-not-found"],
      },
      "POST /v1/rooms/:room/members/:user/accept": {
        id: "acceptMember",
        summary: "Accept a waiting membership: the user itself, or the local operator for it",
        problems: [
          "key-invalid",
          "member-not-found",
          "room-not-found",
          "rooms-full",
          "user-revoked",
        ],
      },
    },
  },
];
