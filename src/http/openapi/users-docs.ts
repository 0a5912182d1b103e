import type { RouteGroup } from "./route-doc.ts";

/** What is told about the routes of users, and of what admits them. */
export const USERS_DOCS: readonly RouteGroup[] = [
  {
    tag: "me",
    about: "Who the caller is to this bus, and what it decides for itself",
    routes: {
      "GET /v1/me": {
        id: "getMe",
        summary: "Show who the caller is, and its rooms",
      },
      "PATCH /v1/me": {
        id: "updateMe",
        summary: "Choose whose adding to rooms is accepted at once",
        problems: ["version-conflict"],
        versioned: true,
      },
      "PUT /v1/me/rooms/:room": {
        id: "acceptRoom",
        summary: "Accept a waiting membership: rights begin",
        problems: ["room-not-found", "member-not-found", "rooms-full", "user-revoked"],
      },
      "DELETE /v1/me/rooms/:room": {
        id: "leaveRoom",
        summary: "Leave a room, or decline to join it",
        problems: ["room-not-found", "member-not-found", "last-owner"],
      },
      "GET /v1/directory": {
        id: "findUser",
        summary: "Find an active user by its exact name",
        problems: ["forbidden"],
      },
    },
  },
  {
    tag: "users",
    about: "Who the bus knows",
    routes: {
      "GET /v1/users": {
        id: "listUsers",
        summary: "List the users",
        problems: ["forbidden", "key-invalid"],
      },
      "POST /v1/users": {
        id: "addUser",
        summary: "Admit a key to the bus",
        problems: ["key-invalid", "name-taken", "user-exists"],
        located: true,
      },
      "POST /v1/users/seed": {
        id: "seedUser",
        summary: "Make the first admin: at the node's own socket only",
        problems: ["bus-has-admin", "key-invalid", "name-taken", "user-exists", "user-revoked"],
        located: true,
      },
      "GET /v1/users/:user": {
        id: "getUser",
        summary: "Show a user and its rooms",
        problems: ["forbidden", "key-invalid", "user-not-found"],
        versioned: true,
      },
      "PATCH /v1/users/:user": {
        id: "updateUser",
        summary: "Change a user's name or role",
        problems: [
          "forbidden",
          "key-invalid",
          "last-admin",
          "name-taken",
          "user-not-found",
          "version-conflict",
        ],
        versioned: true,
      },
      "POST /v1/users/:user/revoke": {
        id: "revokeUser",
        summary: "Take every right from a user, at once",
        description:
          "By any key that the user had: the keys that took its place are revoked with it. Answers the last one.",
        problems: ["key-invalid", "last-admin", "user-not-found"],
        versioned: true,
      },
      "POST /v1/users/:user/restore": {
        id: "restoreUser",
        summary: "Admit a revoked user again, with the rooms it had",
        problems: ["key-invalid", "key-replaced", "user-not-found"],
        versioned: true,
      },
      "POST /v1/users/:user/replace-key": {
        id: "replaceKey",
        summary: "Put a new key in a user's place; the old one is revoked",
        access: "signed",
        description:
          "Both keys sign `0xFF`, `unibus/1 key-replacement`, a zero byte, the bus id, the number (4 bytes, big-endian), the old key and the new one (32 bytes each); the old one may be left out by an admin and the local operator.",
        problems: [
          "key-invalid",
          "keys-replaced-often",
          "proof-wrong",
          "user-exists",
          "user-not-found",
          "user-revoked",
        ],
        versioned: true,
        located: true,
      },
    },
  },
  {
    tag: "tokens",
    about: "What acts for a user for a while, where its key cannot",
    routes: {
      "GET /v1/tokens": {
        id: "listTokens",
        summary: "List one's own tokens",
        access: "signed",
        problems: ["forbidden", "token-not-found"],
      },
      "POST /v1/tokens": {
        id: "createToken",
        summary: "Make a token; its secret is shown once",
        access: "signed",
        problems: ["already-issued", "room-not-found", "token-not-found", "tokens-full"],
        located: true,
      },
      "DELETE /v1/tokens/:token": {
        id: "revokeToken",
        summary: "End a token",
        access: "signed",
        problems: ["token-not-found"],
      },
    },
  },
  {
    tag: "invites",
    about: "How a key becomes a user's without an admin having seen it",
    routes: {
      "GET /v1/invites": {
        id: "listInvites",
        summary: "List the invites",
        problems: ["forbidden", "invite-not-found"],
      },
      "POST /v1/invites": {
        id: "createInvite",
        summary: "Make an invite; its secret is shown once",
        access: "signed",
        problems: [
          "already-issued",
          "invite-not-found",
          "invites-full",
          "record-required",
          "room-not-found",
        ],
        located: true,
      },
      "DELETE /v1/invites/:invite": {
        id: "revokeInvite",
        summary: "End an invite",
        access: "signed",
        problems: ["invite-not-found", "invite-redeemed"],
      },
      "POST /v1/invites/:invite/redeem": {
        id: "redeemInvite",
        summary: "Become a user with the key that signs this request",
        access: "signed",
        problems: [
          "invite-expired",
          "invite-not-found",
          "invite-redeemed",
          "name-taken",
          "proof-wrong",
          "user-exists",
          "user-revoked",
        ],
        located: true,
      },
    },
  },
];
