import { isNodeName } from "../cluster-policy.ts";
import { isInviteId, isNodeTokenId, isRoomId, isTokenId } from "../ids.ts";
import { isLevel, LEVEL_FIRST } from "../level.ts";
import {
  INVITE_ROOMS_MAX,
  NODE_URL_CHARS_MAX,
  NODE_URLS_MAX,
  NODE_VERSION_CHARS_MAX,
  RECORD_CHARS_MAX,
} from "../limits.ts";
import { looksLikeUserKey, readUserKey } from "../nkey.ts";
import {
  ACCEPT_SETTINGS,
  BUS_ROLES,
  type Change,
  type ChangeOf,
  type KeyReplacementProof,
  ROOM_ROLES,
  type SignedRecord,
  TOKEN_SCOPES,
} from "../operations.ts";
import { type Refusal, refusal } from "../problems.ts";
import { refuseLabel, refuseName } from "./names.ts";

const HEX_16_BYTES = /^[0-9a-f]{32}$/;
const HEX_32_BYTES = /^[0-9a-f]{64}$/;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
/** What a caller sends as `If-Match`, which need not be a version of ours. */
const VERSION = /^[\x20-\x7e]{0,128}$/;

/** Says why a change is of no shape that the rules can handle, or null. */
export function refuseChange(change: Change): Refusal | null {
  switch (change.kind) {
    case "bus.found":
    case "bus.continued":
      return refuseBeginning(change);
    case "bus.raise":
      return isLevel(change.level) ? null : invalid("level", "is no level");
    case "user.seed":
      return refuseNewUser(change);
    case "user.add":
      return refuseOneOf("role", change.role, BUS_ROLES) ?? refuseNewUser(change);
    case "user.revoke":
    case "user.restore":
      return refuseKey(change.user);
    case "user.update":
      return refuseUserUpdate(change);
    case "user.replace-key":
      return refuseKey(change.user) ?? refuseNewKey(change.by) ?? refuseProof(change.proof);
    case "token.create":
      return refuseTokenCreate(change);
    case "token.revoke":
      return refuseTokenId(change.token);
    case "invite.create":
      return refuseInviteCreate(change);
    case "invite.revoke":
      return refuseInvite(change.invite);
    case "invite.redeem":
      return refuseInvite(change.invite) ?? refuseNewUser(change);
    case "room.create":
      return refuseRoomCreate(change);
    case "room.update":
      return refuseRoom(change.room) ?? refuseName(change.name) ?? refuseVersion(change.ifVersion);
    case "room.delete":
      return refuseRoom(change.room);
    case "member.add":
      return refuseOneOf("role", change.role, ROOM_ROLES) ?? refuseMember(change);
    case "member.accept":
    case "member.remove":
      return refuseMember(change);
    case "node.token":
      return refuseNodeToken(change.token) ?? refuseTime("expiresAt", change.expiresAt);
    case "node.joined":
      return refuseNodeToken(change.token) ?? refuseNodePlace(change);
    case "node.announced":
      return refuseNodeAnnounced(change);
    case "node.removed":
      return refuseNodeName(change.node);
    default: {
      const unknown: never = change;
      return invalid("change", `is not known here: ${JSON.stringify(unknown)}`);
    }
  }
}

function refuseBeginning(change: ChangeOf<"bus.found" | "bus.continued">): Refusal | null {
  const { busId, generation } = change;
  if (change.kind === "bus.found" && !isLevel(change.level ?? LEVEL_FIRST)) {
    return invalid("level", "is no level");
  }
  if (!HEX_16_BYTES.test(busId)) return invalid("busId", "is not 32 hex digits");
  if (!HEX_16_BYTES.test(generation)) return invalid("generation", "is not 32 hex digits");
  if (change.kind === "bus.found") return null;
  if (!HEX_32_BYTES.test(change.chain)) return invalid("chain", "is not 64 hex digits");
  const { lastSeq } = change;
  return Number.isSafeInteger(lastSeq) && lastSeq >= 0
    ? null
    : invalid("lastSeq", "is no number of an entry");
}

function refuseNewUser(
  change: ChangeOf<"user.seed" | "user.add" | "invite.redeem">,
): Refusal | null {
  return refuseNewKey(change.user) ?? (change.name === null ? null : refuseName(change.name));
}

/** The arithmetic is done once, here: afterwards a key is judged by being in the table of users. */
function refuseNewKey(text: string): Refusal | null {
  const key = readUserKey(text);
  return "code" in key ? key : null;
}

/** Whether the signatures are right is found out where the request comes in. */
function refuseProof(proof: KeyReplacementProof | undefined): Refusal | null {
  if (proof === undefined) return null;
  const { number, byNew, byOld } = proof;
  if (!Number.isSafeInteger(number) || number < 2)
    return invalid("proof", "has no number of a key");
  const signatures = byOld === null ? [byNew] : [byNew, byOld];
  return signatures.every(isSignature)
    ? null
    : invalid("proof", "is not 86 characters of base64url");
}

function isSignature(text: string): boolean {
  return text.length === 86 && BASE64URL.test(text);
}

function refuseUserUpdate(change: ChangeOf<"user.update">): Refusal | null {
  const { user, name, role, accept, ifVersion } = change;
  if (name === null && role === null && accept === null) {
    return invalid("change", "names neither name, role nor accept");
  }
  return (
    refuseKey(user) ??
    (name === null ? null : refuseName(name)) ??
    (role === null ? null : refuseOneOf("role", role, BUS_ROLES)) ??
    (accept === null ? null : refuseOneOf("accept", accept, ACCEPT_SETTINGS)) ??
    refuseVersion(ifVersion)
  );
}

function refuseTokenCreate(change: ChangeOf<"token.create">): Refusal | null {
  const { token, user, label, scope, room, hash, expiresAt } = change;
  if (!HEX_32_BYTES.test(hash)) return invalid("hash", "is not 64 hex digits");
  return (
    refuseTokenId(token) ??
    refuseKey(user) ??
    refuseLabel(label) ??
    refuseOneOf("scope", scope, TOKEN_SCOPES) ??
    (room === null ? null : refuseRoom(room)) ??
    refuseTime("expiresAt", expiresAt)
  );
}

function refuseInviteCreate(change: ChangeOf<"invite.create">): Refusal | null {
  const { invite, label, role, rooms, verifier, expiresAt } = change;
  if (!HEX_32_BYTES.test(verifier)) return invalid("verifier", "is not 64 hex digits");
  if (rooms.length > INVITE_ROOMS_MAX) {
    return invalid("rooms", `names ${rooms.length} rooms and may name ${INVITE_ROOMS_MAX}`);
  }
  if (new Set(rooms.map(({ room }) => room)).size < rooms.length) {
    return invalid("rooms", "names a room twice");
  }
  for (const { room, role: roomRole } of rooms) {
    const wrong = refuseRoom(room) ?? refuseOneOf("rooms", roomRole, ROOM_ROLES);
    if (wrong) return wrong;
  }
  return (
    refuseInvite(invite) ??
    refuseLabel(label) ??
    refuseOneOf("role", role, BUS_ROLES) ??
    refuseTime("expiresAt", expiresAt)
  );
}

function refuseRoomCreate(change: ChangeOf<"room.create">): Refusal | null {
  const { room, name, history, shard, owner, genesis } = change;
  if (!/^[0-9a-f]$/.test(shard)) return invalid("shard", "is not one hex digit");
  return (
    refuseRoom(room) ??
    refuseOneOf("history", history, ["k", "n"]) ??
    refuseName(name) ??
    (owner === null ? null : refuseKey(owner)) ??
    (genesis === null ? null : refuseRecord(genesis))
  );
}

/** What a record says is judged where it is read; here only that it can be kept. */
function refuseRecord({ record, signature }: SignedRecord): Refusal | null {
  if (record.length > RECORD_CHARS_MAX || !BASE64URL.test(record)) {
    return invalid("record", `is not 1 to ${RECORD_CHARS_MAX} characters of base64url`);
  }
  if (isSignature(signature)) return null;
  return invalid("signature", "is not 86 characters of base64url");
}

/** `host:port`, an IPv6 address in brackets: what follows `nats://` in a route. */
const ROUTE = /^(\[[0-9a-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):[1-9][0-9]{0,4}$/;

/** Says whether a text is where nodes are reached: host:port. */
export function isRoute(text: string): boolean {
  return ROUTE.test(text);
}

function refuseNodePlace(
  change: Pick<ChangeOf<"node.announced">, "node" | "route" | "certificate" | "certificateEndsAt">,
): Refusal | null {
  const { node, route, certificate, certificateEndsAt } = change;
  if (route !== null && !isRoute(route)) return invalid("route", "is not host:port");
  if (certificate !== null && !HEX_32_BYTES.test(certificate)) {
    return invalid("certificate", "is not 64 hex digits");
  }
  return (
    refuseNodeName(node) ??
    (certificateEndsAt === null ? null : refuseTime("certificateEndsAt", certificateEndsAt))
  );
}

const PRINTABLE = /^[\x21-\x7e]+$/;

function refuseNodeAnnounced(change: ChangeOf<"node.announced">): Refusal | null {
  const { clientUrls, apiUrls, version, format } = change;
  if (!PRINTABLE.test(version) || version.length > NODE_VERSION_CHARS_MAX) {
    return invalid("version", `is not 1 to ${NODE_VERSION_CHARS_MAX} printable ASCII characters`);
  }
  if (!isLevel(format)) return invalid("format", "is no level");
  return (
    refuseNodePlace(change) ??
    refuseUrls("clientUrls", clientUrls, CLIENT_SCHEMES) ??
    refuseUrls("apiUrls", apiUrls, API_SCHEMES)
  );
}

const CLIENT_SCHEMES = ["nats:", "tls:"];
const API_SCHEMES = ["http:", "https:"];

/** URLs of a scheme and a host, and perhaps a port: nobody is sent elsewhere, or with a login, by them. */
function refuseUrls(
  member: string,
  urls: readonly string[],
  schemes: readonly string[],
): Refusal | null {
  if (urls.length > NODE_URLS_MAX) {
    return invalid(member, `names ${urls.length} and may name ${NODE_URLS_MAX}`);
  }
  const isOne = (text: string): boolean => {
    const url = text.length <= NODE_URL_CHARS_MAX ? URL.parse(text) : null;
    return (
      url !== null && schemes.includes(url.protocol) && text === `${url.protocol}//${url.host}`
    );
  };
  return urls.every(isOne) ? null : invalid(member, `is not of ${schemes.join(" or ")} and a host`);
}

function refuseNodeName(node: string): Refusal | null {
  return isNodeName(node) ? null : invalid("node", "is not 1 to 64 letters, digits, - and _");
}

function refuseNodeToken(text: string): Refusal | null {
  return isNodeTokenId(text) ? null : invalid("token", "is no id of a node's token");
}

function refuseMember(change: { readonly room: string; readonly user: string }): Refusal | null {
  return refuseRoom(change.room) ?? refuseKey(change.user);
}

function refuseRoom(text: string): Refusal | null {
  return isRoomId(text) ? null : invalid("room", "is no room id");
}

function refuseTokenId(text: string): Refusal | null {
  return isTokenId(text) ? null : invalid("token", "is no token id");
}

function refuseInvite(text: string): Refusal | null {
  return isInviteId(text) ? null : invalid("invite", "is no invite id");
}

function refuseKey(text: string): Refusal | null {
  return looksLikeUserKey(text) ? null : invalid("user", "is no user key");
}

function refuseOneOf(member: string, value: string, known: readonly string[]): Refusal | null {
  return known.includes(value) ? null : invalid(member, `is not one of ${known.join(", ")}`);
}

function refuseTime(member: string, ms: number): Refusal | null {
  return Number.isSafeInteger(ms) && ms >= 0 ? null : invalid(member, "is no time");
}

function refuseVersion(version: string | null): Refusal | null {
  if (version === null || VERSION.test(version)) return null;
  return invalid("ifVersion", "is not at most 128 printable ASCII characters");
}

/** Says that a member of an operation is not what it has to be. */
export function invalid(member: string, fault: string): Refusal {
  return refusal("request-invalid", `Cannot take the operation: its member "${member}" ${fault}`);
}
