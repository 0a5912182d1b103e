import { Elysia } from "elysia";
import {
  AddUserBody,
  SeedUserBody,
  User,
  UserDetail,
  UserPage,
  UserParams,
  UserQuery,
} from "../contract/users.ts";
import { Nothing } from "../contract/values.ts";
import type { UserId } from "../core/ids.ts";
import type { Change } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { UserRecord } from "../core/records.ts";
import { callOf } from "./call.ts";
import { requestChange, SEQ_HEADER } from "./change.ts";
import { readName, readUserId, timeText } from "./ids.ts";
import { readPage } from "./page.ts";
import type { AppParts } from "./parts.ts";
import { requireOperator } from "./rights.ts";

type Parts = Pick<AppParts, "read" | "commit" | "now">;

/** `/v1/users`: who the bus knows. */
export function users(parts: Parts) {
  const { read } = parts;

  function list({ query, request }: { query: typeof UserQuery.static; request: Request }) {
    requireOperator(callOf(request).actor, "list the users");
    if (query.name !== undefined) {
      const found = read.findUserByName(query.name);
      return { users: found ? [userOf(found)] : [], next: null };
    }
    const after = query.after === undefined ? undefined : readUserId(query.after);
    const { rows, next } = readPage(
      query,
      (limit) => read.listUsers({ after, limit }),
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
        const { user, name } = context.body;
        return admit(parts, context, "seed an admin", () => {
          return { kind: "user.seed", user: readUserId(user), name: nameOf(name) };
        });
      },
      { body: SeedUserBody, query: Nothing, response: { 201: User } },
    )
    .get(
      "/:user",
      ({ params, request }) => {
        requireOperator(callOf(request).actor, "show the user");
        const user = getUser(read, readUserId(params.user));
        const rooms = read
          .listRoomsOf(readUserId(params.user))
          .map(({ room, name, role, state }) => ({ room, name, role, state }));
        return { ...user, rooms };
      },
      { params: UserParams, query: Nothing, response: { 200: UserDetail } },
    )
    .post("/:user/revoke", (context) => setState(parts, "user.revoke", context), STATE_SHAPES)
    .post("/:user/restore", (context) => setState(parts, "user.restore", context), STATE_SHAPES);
}

const STATE_SHAPES = { params: UserParams, body: Nothing, query: Nothing, response: { 200: User } };

/** What a route of Elysia is given, as far as a change needs it. */
interface Context {
  readonly request: Request;
  readonly set: {
    status?: number | string;
    readonly headers: Record<string, string | number | undefined>;
  };
}

async function admit(
  parts: Parts,
  { request, set }: Context,
  action: string,
  changeOf: () => Extract<Change, { kind: "user.add" | "user.seed" }>,
): Promise<User> {
  const call = callOf(request);
  requireOperator(call.actor, action);
  const change = changeOf();
  const { seq } = await requestChange(parts, call, change);
  set.status = 201;
  set.headers[SEQ_HEADER] = `${seq}`;
  set.headers.location = `/v1/users/${change.user}`;
  return getUser(parts.read, change.user);
}

async function setState(
  parts: Parts,
  kind: "user.revoke" | "user.restore",
  { params, request, set }: Context & { readonly params: { readonly user: string } },
): Promise<User> {
  const call = callOf(request);
  requireOperator(call.actor, kind === "user.revoke" ? "revoke the user" : "restore the user");
  const user = readUserId(params.user);
  const { seq } = await requestChange(parts, call, { kind, user });
  set.headers[SEQ_HEADER] = `${seq}`;
  return getUser(parts.read, user);
}

function getUser(read: Parts["read"], user: UserId): User {
  const found = read.findUser(user);
  if (found) return userOf(found);
  throw new Problem("user-not-found", "Cannot find the user: no user has this key");
}

function userOf({ user, name, role, state, accept, createdAt, changedAt }: UserRecord): User {
  const times = { createdAt: timeText(createdAt), changedAt: timeText(changedAt) };
  return { user, name, role, state, accept, ...times };
}

function nameOf(name: string | null | undefined): string | null {
  return name === undefined || name === null ? null : readName(name);
}
