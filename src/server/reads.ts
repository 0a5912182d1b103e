import { isOperationId, type OperationId } from "../core/ids.ts";
import type { Reads } from "../http/parts.ts";
import { findInvite, listInvites } from "../store/invites.ts";
import { countMembers, findMember, listMembers, listRoomsOf } from "../store/members.ts";
import type { Store } from "../store/open.ts";
import { findRoom, listRooms } from "../store/rooms.ts";
import { findToken, listTokens } from "../store/tokens.ts";
import { findUser, findUserByName, listUsers } from "../store/users.ts";
import { roomVersion, userVersion } from "../store/versions.ts";

/** Binds what the API reads to a store. */
export function bindReads(store: Store): Reads {
  const transaction = store.database.transaction((read: () => unknown) => read());
  return {
    // The transaction answers what is read in it.
    atOnce: <Result>(read: () => Result) => transaction(read) as Result,
    findUser: (user) => findUser(store, user),
    findUserByName: (name) => findUserByName(store, name),
    listUsers: (page) => listUsers(store, page),
    listRoomsOf: (user) => listRoomsOf(store, user),
    findRoom: (room) => findRoom(store, room),
    listRooms: (page) => listRooms(store, page),
    countMembers: (room) => countMembers(store, room),
    findMember: (member) => findMember(store, member),
    listMembers: (page) => listMembers(store, page),
    findToken: (token) => findToken(store, token),
    listTokens: (page) => listTokens(store, page),
    findInvite: (invite) => findInvite(store, invite),
    listInvites: (page) => listInvites(store, page),
    userVersion,
    roomVersion,
  };
}

/** Random bytes of the machine. */
export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** The id of an operation that nobody will repeat. */
export function newOperationId(): OperationId {
  const id = randomBytes(32).toHex();
  if (!isOperationId(id)) throw new Error("32 bytes are 64 hex digits");
  return id;
}
