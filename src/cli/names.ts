import type { Room } from "../contract/rooms.ts";
import type { User } from "../contract/users.ts";
import { isRoomId } from "../core/ids.ts";
import { NAMESAKES_MAX } from "../core/limits.ts";
import { isUserId, readUserKey } from "../core/nkey.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import type { Client } from "../sdk/client.ts";

const LIKE_KEY = /^[A-Z2-7]{50,}$/;

/**
 * Finds the key of a user that is named by it or by its name.
 * Throws "user-not-found", or "key-invalid" for what was meant to be a key; a seed is never sent.
 */
export async function findUserKey(client: Client, text: string): Promise<string> {
  if (LIKE_KEY.test(text)) return checkedKey(text);
  const [found] = await findByName(client, text);
  if (found) return found.user;
  throw new Problem("user-not-found", `Cannot find the user ${quote(text)}: no user has this name`);
}

/** Only admins and the operator list the users; everybody else may ask for one exact name. */
async function findByName(
  client: Client,
  name: string,
): Promise<readonly { readonly user: string }[]> {
  try {
    return (await client.users.list({ name })).users;
  } catch (error) {
    if (error instanceof Problem && error.code === "forbidden") {
      return (await client.directory(name)).users;
    }
    throw error;
  }
}

/** Checks a public key before it is sent anywhere. Throws "key-invalid" with the reason. */
export function checkedKey(text: string): string {
  const read = readUserKey(text);
  if (isUserId(text)) return text;
  if ("code" in read) throw new Problem(read.code, read.detail);
  return text;
}

/** A user as a line shows it: its name in quotes, if it has one, and its key. */
export function labelOf({ user, name }: Pick<User, "user" | "name">): string {
  return name === null ? user : `${quote(name)} (${user})`;
}

/** Finds the id of a room that one is in or asked into, by it or by its name. */
export async function findOwnRoomId(client: Client, text: string): Promise<string> {
  if (isRoomId(text)) return text;
  const { rooms } = await client.me.show();
  return onlyRoom(
    text,
    rooms.filter(({ name }) => name === text),
  );
}

/** Finds the id of a room that is named by it or by its name; throws when there is not exactly one. */
export async function findRoomId(client: Client, text: string): Promise<string> {
  if (isRoomId(text)) return text;
  const { rooms } = await client.rooms.list({ name: text, limit: NAMESAKES_MAX });
  return onlyRoom(text, rooms);
}

function onlyRoom(text: string, rooms: readonly Pick<Room, "room">[]): string {
  const [found, ...others] = rooms;
  if (!found) {
    throw new Problem(
      "room-not-found",
      `Cannot find the room ${quote(text)}: no room has this name; see: unibus room list`,
    );
  }
  if (others.length === 0) return found.room;
  const ids = rooms.map(({ room }) => room).join(", ");
  throw new Problem(
    "name-ambiguous",
    `Cannot tell which room ${quote(text)} is: name one by its id: ${ids}`,
  );
}
