import { type OperationId, operationIdOfDigest } from "../core/ids.ts";
import { Problem } from "../core/problems.ts";
import type { Reads } from "../http/parts.ts";
import { findInvite, listInvites } from "../store/invites.ts";
import { isSignatureUsed } from "../store/journal.ts";
import { countMembers, findMember, listMembers, listRoomsOf } from "../store/members.ts";
import { findNodeToken, listNodes } from "../store/nodes.ts";
import type { Store } from "../store/open.ts";
import { findRoom, listRooms } from "../store/rooms.ts";
import { findToken, listTokens } from "../store/tokens.ts";
import { findUser, findUserByName, listSuccessors, listUsers } from "../store/users.ts";
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
    listSuccessors: (user) => listSuccessors(store, user),
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
    findNodeToken: (token) => findNodeToken(store, token),
    listNodes: () => listNodes(store),
    isSignatureUsed: (signatureId) => isSignatureUsed(store, signatureId),
    userVersion,
    roomVersion,
  };
}

/**
 * Reads that are refused while what is here may be older than what is promised.
 * They throw "not-ready" then.
 */
export function guardReads(reads: Reads, isFresh: () => boolean): Reads {
  const guarded = Object.entries(reads).map(([name, read]) => [
    name,
    (...args: readonly unknown[]) => {
      if (isFresh()) return Reflect.apply(read, undefined, args);
      throw new Problem(
        "not-ready",
        "Cannot answer: this node does not know the latest changes, a majority of the cluster is needed",
      );
    },
  ]);
  // The same names, each with the function of its name behind it.
  return Object.fromEntries(guarded) as Reads;
}

/** Random bytes of the machine. */
export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** The id of an operation that nobody will repeat. */
export function newOperationId(): OperationId {
  return operationIdOfDigest(randomBytes(32).toHex());
}
