import type { Operation } from "../core/operations.ts";
import { decideBeginning, decideRaise } from "./apply-bus.ts";
import { decideInviteCreate, decideInviteRedeem, decideInviteRevoke } from "./apply-invites.ts";
import { decideMemberAccept, decideMemberAdd, decideMemberRemove } from "./apply-members.ts";
import {
  decideNodeAnnounced,
  decideNodeJoined,
  decideNodeRemoved,
  decideNodeToken,
} from "./apply-nodes.ts";
import { decideKeyReplace } from "./apply-replace-key.ts";
import { decideRoomCreate, decideRoomDelete, decideRoomUpdate } from "./apply-rooms.ts";
import { decideTokenCreate, decideTokenRevoke } from "./apply-tokens.ts";
import {
  decideUserAdd,
  decideUserRestore,
  decideUserRevoke,
  decideUserSeed,
  decideUserUpdate,
} from "./apply-users.ts";
import type { Circumstances, Decision } from "./decision.ts";
import type { Store } from "./open.ts";

/** Decides a change by the facts of the database and the rules. Writes nothing. */
export function decide(
  store: Store,
  { change }: Operation,
  circumstances: Circumstances,
): Decision {
  switch (change.kind) {
    case "bus.found":
    case "bus.continued":
      return decideBeginning(store, change);
    case "bus.raise":
      return decideRaise(store, change, circumstances);
    case "user.seed":
      return decideUserSeed(store, change, circumstances);
    case "user.add":
      return decideUserAdd(store, change, circumstances);
    case "user.revoke":
      return decideUserRevoke(store, change, circumstances);
    case "user.restore":
      return decideUserRestore(store, change, circumstances);
    case "user.update":
      return decideUserUpdate(store, change, circumstances);
    case "user.replace-key":
      return decideKeyReplace(store, change, circumstances);
    case "token.create":
      return decideTokenCreate(store, change, circumstances);
    case "token.revoke":
      return decideTokenRevoke(store, change, circumstances);
    case "invite.create":
      return decideInviteCreate(store, change, circumstances);
    case "invite.revoke":
      return decideInviteRevoke(store, change, circumstances);
    case "invite.redeem":
      return decideInviteRedeem(store, change, circumstances);
    case "room.create":
      return decideRoomCreate(store, change, circumstances);
    case "room.update":
      return decideRoomUpdate(store, change, circumstances);
    case "room.delete":
      return decideRoomDelete(store, change, circumstances);
    case "member.add":
      return decideMemberAdd(store, change, circumstances);
    case "member.accept":
      return decideMemberAccept(store, change, circumstances);
    case "member.remove":
      return decideMemberRemove(store, change, circumstances);
    case "node.token":
      return decideNodeToken(store, change, circumstances);
    case "node.joined":
      return decideNodeJoined(store, change, circumstances);
    case "node.announced":
      return decideNodeAnnounced(store, change, circumstances);
    case "node.removed":
      return decideNodeRemoved(store, change, circumstances);
    default: {
      const unknown: never = change;
      throw new Error(`Cannot apply the change ${JSON.stringify(unknown)}: it is not known here`);
    }
  }
}
