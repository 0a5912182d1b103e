import type { Positional } from "./parse.ts";

export const ROOM = {
  name: "ROOM",
  required: true,
  help: "a room's id, or its name if no other room has it",
} as const satisfies Positional;

export const USER = {
  name: "USER",
  required: true,
  help: "a public key, or the user's name",
} as const satisfies Positional;
