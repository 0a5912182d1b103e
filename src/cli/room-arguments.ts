import type { Given } from "./node-command.ts";
import type { Option, Positional } from "./parse.ts";

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

/** For what may leave the bus without an admin, or a room without an owner. */
export const ORPHAN_OPTION = {
  name: "orphan",
  kind: "boolean",
  help: "do it even if no admin of the bus, or no owner of the room, is left; at the node itself only",
} as const satisfies Option;

export function isOrphaning(given: Given): boolean {
  return given[ORPHAN_OPTION.name] === true;
}
