import { Elysia } from "elysia";
import {
  AddUserBody,
  ReplaceKeyBody,
  SeedUserBody,
  UpdateUserBody,
  User,
  UserDetail,
  UserPage,
  UserParams,
  UserQuery,
} from "../contract/users.ts";
import { Nothing, OrphanQuery } from "../contract/values.ts";
import { domainBytes, keyReplacementBytes } from "../core/domain.ts";
import type { UserId } from "../core/ids.ts";
import { userKeyBytes } from "../core/nkey.ts";
import type { ChangeOf, KeyReplacementProof } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { UserRecord } from "../core/records.ts";
import { callOf } from "./call.ts";
import { type AnswerHead, requestChange } from "./change.ts";
import { verifyEd25519 } from "./ed25519.ts";
import { readName, readUserId, timeText } from "./ids.ts";
import { readPage } from "./page.ts";
import type { AppParts } from "./parts.ts";
import { requireManager, requireOperator, seesMembers } from "./rights.ts";

type Parts = Pick<AppParts, "read" | "commit" | "now" | "busId">;

/** `/v1/users`: who the bus knows. */
export function users(parts: Parts) {
  const { read } = parts;

  function list({ query, request }: { query: typeof UserQuery.static; request: Request }) {
    requireManager(callOf(request).viewer, "list the users");
    if (query.name !== undefined) {
      const found = read.findUserByName(query.name);
      return { users: found ? [userOf(found)] : [], next: null };
    }
    const after = query.after === undefined ? undefined : readUserId(query.after);
    const replaced = query.all === "true";
    const { rows, next } = readPage(
      query,
      (limit) => read.listUsers({ after, limit, replaced }),
      ({ user }) => user,
    );
    return { users: rows.map(userOf), next };
  }

  return new Elysia({ prefix: "/v1/users", normalize: false, strictPath: true })
    .get("", list, { query: UserQuery, response: { 200: UserPage } })
    .post(
      "",
      (context) => {
        const { user, name, role = "member" } = context.body;
        return admit(parts, context, "add the user", () => {
          return { kind: "user.add", user: readUserId(user), name: nameOf(name), role };
        });
      },
      { body: AddUserBody, query: Nothing, response: { 201: User } },
    )
    .post(
      "/seed",
      (context) => {
        requireOperator(callOf(context.request).viewer, "seed an admin");
        const { user, name } = context.body;
        return admit(parts, context, "seed an admin", () => {
          return { kind: "user.seed", user: readUserId(user), name: nameOf(name) };
        });
      },
      { body: SeedUserBody, query: Nothing, response: { 201: User } },
    )
    .get(
      "/:user",
      ({ params, request, set }) => {
        const { viewer } = callOf(request);
        requireManager(viewer, "show the user");
        const user = readUserId(params.user);
        const shown = showUser(read, user, set);
        const rooms = roomsOf(read, user).filter(({ room }) => seesMembers(read, room, viewer));
        return { ...shown, rooms };
      },
      { params: UserParams, query: Nothing, response: { 200: UserDetail } },
    )
    .patch("/:user", (context) => update(parts, context), {
      params: UserParams,
      body: UpdateUserBody,
      query: OrphanQuery,
      response: { 200: User },
    })
    .post("/:user/replace-key", (context) => replaceKey(parts, context), {
      params: UserParams,
      body: ReplaceKeyBody,
      query: Nothing,
      response: { 200: User },
    })
    .post("/:user/revoke", (context) => revoke(parts, context), {
      ...STATE_SHAPES,
      query: OrphanQuery,
    })
    .post("/:user/restore", (context) => restore(parts, context), {
      ...STATE_SHAPES,
      query: Nothing,
    });
}

const STATE_SHAPES = { params: UserParams, body: Nothing, response: { 200: User } };

/** What a route of Elysia is given, as far as a change needs it. */
interface Context {
  readonly request: Request;
  readonly set: AnswerHead;
}
type UserContext = Context & { readonly params: { readonly user: string } };

async function admit(
  parts: Parts,
  { request, set }: Context,
  action: string,
  changeOf: () => ChangeOf<"user.add" | "user.seed">,
): Promise<User> {
  const call = callOf(request);
  requireManager(call.viewer, action);
  const change = changeOf();
  await requestChange(parts, { call, set }, change);
  set.status = 201;
  set.headers.location = `/v1/users/${change.user}`;
  return getUser(parts.read, change.user);
}

/** Answers the key that holds the user's place now: it is revoked with the one that was named. */
async function revoke(
  parts: Parts,
  { params, query, request, set }: UserContext & { readonly query: OrphanQuery },
): Promise<User> {
  const call = callOf(request);
  requireManager(call.viewer, "revoke the user");
  const user = readUserId(params.user);
  await requestChange(parts, { call, set }, { kind: "user.revoke", user, ...orphaning(query) });
  return showUser(parts.read, parts.read.listSuccessors(user).at(-1)?.user ?? user, set);
}

async function restore(parts: Parts, { params, request, set }: UserContext): Promise<User> {
  const call = callOf(request);
  requireManager(call.viewer, "restore the user");
  const user = readUserId(params.user);
  await requestChange(parts, { call, set }, { kind: "user.restore", user });
  return showUser(parts.read, user, set);
}

/** What a change says of being left without an admin or an owner. */
export function orphaning({ orphan }: OrphanQuery): { readonly orphan?: true } {
  return orphan === "true" ? { orphan: true } : {};
}

async function update(
  parts: Parts,
  {
    body,
    params,
    query,
    request,
    set,
  }: UserContext & { readonly body: UpdateUserBody; readonly query: OrphanQuery },
): Promise<User> {
  const call = callOf(request);
  requireManager(call.viewer, "change the user");
  const user = readUserId(params.user);
  const { role = null } = body;
  const name = nameOf(body.name);
  if (name === null && role === null) {
    throw new Problem("request-invalid", "Cannot change the user: neither name nor role is given");
  }
  const change = { name, role, accept: null, ifVersion: call.ifMatch, ...orphaning(query) };
  await requestChange(parts, { call, set }, { kind: "user.update", user, ...change });
  return showUser(parts.read, user, set);
}

/**
 * An admin replaces anybody's key, a user its own; which it is, and whether the old key had to sign, is
 * decided where it is applied. Here the signatures are verified that are given.
 */
async function replaceKey(
  parts: Parts,
  { body, params, request, set }: UserContext & { readonly body: ReplaceKeyBody },
): Promise<User> {
  const call = callOf(request);
  const user = readUserId(params.user);
  const isOneself = call.viewer.kind === "user" && call.viewer.user === user;
  if (!isOneself) requireManager(call.viewer, "replace the key");
  const by = readUserId(body.user);
  const proof = { ...body.proof };
  refuseWrongProof(proof, { user, by, busId: parts.busId() });
  await requestChange(parts, { call, set }, { kind: "user.replace-key", user, by, proof });
  set.headers.location = `/v1/users/${by}`;
  return showUser(parts.read, by, set);
}

function refuseWrongProof(
  { number, byNew, byOld }: KeyReplacementProof,
  { user, by, busId }: { readonly user: UserId; readonly by: UserId; readonly busId: string },
): void {
  const [old, next] = [userKeyBytes(user), userKeyBytes(by)];
  const bytes = keyReplacementBytes({ number, old, by: next });
  const data = domainBytes("key-replacement", busId, bytes);
  const isRight =
    verifyEd25519({ publicKey: next, data, signature: byNew }) &&
    (byOld === null || verifyEd25519({ publicKey: old, data, signature: byOld }));
  if (isRight) return;
  throw new Problem(
    "proof-wrong",
    "Cannot replace the key: the proof is not signed by these keys for this bus and number",
  );
}

/** Finds a user for an answer. Throws "user-not-found". */
export function getUser(read: Pick<Parts["read"], "findUser">, user: UserId): User {
  return userOf(findOrThrow(read, user));
}

/** As `getUser`, and tells the version that a change can insist on. */
export function showUser(
  read: Pick<Parts["read"], "findUser" | "userVersion">,
  user: UserId,
  set: AnswerHead,
): User {
  const record = findOrThrow(read, user);
  set.headers.etag = `"${read.userVersion(record)}"`;
  return userOf(record);
}

function findOrThrow(read: Pick<Parts["read"], "findUser">, user: UserId): UserRecord {
  const found = read.findUser(user);
  if (found) return found;
  throw new Problem("user-not-found", "Cannot find the user: no user has this key");
}

/** The rooms that a user is in or asked into. */
export function roomsOf(read: Pick<Parts["read"], "listRoomsOf">, user: UserId) {
  return read.listRoomsOf(user).map(({ room, name, role, state }) => ({ room, name, role, state }));
}

function userOf(record: UserRecord): User {
  const { user, name, role, state, accept, createdAt, changedAt, successor, keyNumber } = record;
  const times = { createdAt: timeText(createdAt), changedAt: timeText(changedAt) };
  return { user, name, role, state, accept, ...times, successor, keyNumber };
}

function nameOf(name: string | null | undefined): string | null {
  return name === undefined || name === null ? null : readName(name);
}
