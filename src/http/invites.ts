import { Elysia } from "elysia";
import {
  CreateInviteBody,
  type Invite,
  InvitePage,
  InviteParams,
  InviteQuery,
  NewInvite,
  RedeemInviteBody,
} from "../contract/invites.ts";
import { User } from "../contract/users.ts";
import { Nothing } from "../contract/values.ts";
import { toBase64url } from "../core/base64url.ts";
import { domainBytes, inviteBytes } from "../core/domain.ts";
import { type InviteId, inviteIdOf, type UserId } from "../core/ids.ts";
import { INVITE_LIFE_MS_DEFAULT } from "../core/limits.ts";
import { looksLikeUserKey, userKeyBytes } from "../core/nkey.ts";
import type { ChangeOf } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { InviteRecord } from "../core/records.ts";
import type { ActorFacts } from "../core/rules/actors.ts";
import { mayStillInvite, refuseInviteRedeem } from "../core/rules/invites.ts";
import { renderInviteText } from "../core/secrets.ts";
import { callOf } from "./call.ts";
import { type AnswerHead, refuseShownSecret, requestChange } from "./change.ts";
import { publicKeyOf, verifyEd25519 } from "./ed25519.ts";
import { readInviteId, readLabel, readName, readRoomId, timeText } from "./ids.ts";
import { readPage } from "./page.ts";
import type { AppParts } from "./parts.ts";
import { requireManager, requireUser } from "./rights.ts";
import { getUser } from "./users.ts";

const SEED_BYTES = 32;

type Parts = Pick<AppParts, "read" | "commit" | "now" | "randomBytes" | "busId">;

/** `/v1/invites`: how a key becomes a user's without an admin having seen it. */
export function invites(parts: Parts) {
  const { read } = parts;
  return new Elysia({ prefix: "/v1/invites", normalize: false, strictPath: true })
    .get(
      "",
      ({ query, request }) => {
        requireManager(callOf(request).viewer, "list the invites");
        const after = query.after === undefined ? undefined : readInviteId(query.after);
        const { rows, next } = readPage(
          query,
          (limit) => read.listInvites({ after, limit }),
          ({ invite }) => invite,
        );
        return { invites: rows.map(inviteOf), next };
      },
      { query: InviteQuery, response: { 200: InvitePage } },
    )
    .post("", (context) => create(parts, context), {
      body: CreateInviteBody,
      query: Nothing,
      response: { 201: NewInvite },
    })
    .delete(
      "/:invite",
      async ({ params, request, set }) => {
        const call = callOf(request);
        requireManager(call.viewer, "revoke the invite");
        const invite = readInviteId(params.invite);
        await requestChange(parts, { call, set }, { kind: "invite.revoke", invite });
        set.status = 204;
      },
      { params: InviteParams, body: Nothing, query: Nothing },
    )
    .post("/:invite/redeem", (context) => redeem(parts, context), {
      params: InviteParams,
      body: RedeemInviteBody,
      query: Nothing,
      response: { 201: User },
    });
}

interface Context<Body> {
  readonly body: Body;
  readonly request: Request;
  readonly set: AnswerHead;
}

async function create(parts: Parts, context: Context<CreateInviteBody>): Promise<NewInvite> {
  const { body, request, set } = context;
  const call = callOf(request);
  requireManager(call.viewer, "make an invite");
  const invite = inviteIdOf(parts.randomBytes(SEED_BYTES));
  const seed = parts.randomBytes(SEED_BYTES);
  const rooms = body.rooms ?? [];
  const change: ChangeOf<"invite.create"> = {
    kind: "invite.create",
    invite,
    label: readLabel(body.label),
    role: body.role ?? "member",
    rooms: rooms.map(({ room, role = "member" }) => ({ room: readRoomId(room), role })),
    verifier: publicKeyOf(seed).toHex(),
    expiresAt: parts.now() + lifeMs(body.lifeSeconds),
  };
  const applied = await requestChange(parts, { call, set }, change);
  refuseShownSecret(applied, "invite");
  set.status = 201;
  set.headers.location = `/v1/invites/${invite}`;
  return {
    ...inviteOf(getInvite(parts.read, invite)),
    secret: renderInviteText({ invite, secret: toBase64url(seed) }),
  };
}

function lifeMs(seconds: number | undefined): number {
  return seconds === undefined ? INVITE_LIFE_MS_DEFAULT : seconds * 1000;
}

/**
 * Admits the key that signed the request, if it also holds the invite. Keys are judged before the
 * invite is spent, and whoever does not hold it learns nothing of it.
 */
async function redeem(
  parts: Parts,
  context: Context<RedeemInviteBody> & { readonly params: { readonly invite: string } },
): Promise<User> {
  const { body, params, request, set } = context;
  const call = callOf(request);
  const user = requireUser(call.viewer, "redeem the invite");
  const record = getInvite(parts.read, readInviteId(params.invite));
  refuseWrongProof(record, { user, proof: body.proof, busId: parts.busId() });
  const name = typeof body.name === "string" ? readName(body.name) : null;
  refuseBeforehand(parts, record, { viewer: call.viewer, user, name });
  const change = { kind: "invite.redeem", invite: record.invite, user, name } as const;
  await requestChange(parts, { call, set }, change);
  set.status = 201;
  set.headers.location = `/v1/users/${user}`;
  return getUser(parts.read, user);
}

/**
 * Refuses at once what would be refused where it is applied. Refusals there are kept for good, and
 * whoever ever held an invite can make keys without end. Who used the invite may ask again.
 */
function refuseBeforehand(
  { read, now }: Parts,
  invite: InviteRecord,
  asking: { readonly viewer: ActorFacts; readonly user: UserId; readonly name: string | null },
): void {
  const { viewer, user, name } = asking;
  const { createdBy } = invite;
  if (invite.redeemedBy === user) return;
  const maker = looksLikeUserKey(createdBy) ? read.findUser(createdBy) : null;
  const owner = name === null ? null : read.findUserByName(name);
  const refusal = refuseInviteRedeem({
    ...{ actor: viewer, user, invite, at: now() },
    makerMay: mayStillInvite(createdBy, maker),
    existing: read.findUser(user)?.state ?? null,
    nameTaken: owner !== null && owner.user !== user,
  });
  if (refusal) throw new Problem(refusal.code, refusal.detail);
}

function refuseWrongProof(
  { invite, verifier }: InviteRecord,
  { user, proof, busId }: { readonly user: UserId; readonly proof: string; readonly busId: string },
): void {
  const right = verifyEd25519({
    publicKey: Uint8Array.fromHex(verifier),
    data: domainBytes("invite", busId, inviteBytes(invite, userKeyBytes(user))),
    signature: proof,
  });
  if (right) return;
  throw new Problem("proof-wrong", "Cannot redeem the invite: the proof is not made with it");
}

function getInvite(read: Parts["read"], invite: InviteId): InviteRecord {
  const found = read.findInvite(invite);
  if (found) return found;
  throw new Problem("invite-not-found", "Cannot find the invite: there is none of this id");
}

function inviteOf(record: InviteRecord): Invite {
  const { invite, label, role, rooms, createdBy, createdAt, expiresAt, redeemedBy } = record;
  return {
    ...{ invite, label, role, createdBy, redeemedBy },
    rooms: rooms.map((room) => ({ ...room })),
    createdAt: timeText(createdAt),
    expiresAt: timeText(expiresAt),
  };
}
