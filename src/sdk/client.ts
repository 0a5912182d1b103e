import type { Bus } from "../contract/bus.ts";
import type { Health } from "../contract/health.ts";
import type {
  CreateInviteBody,
  Invite,
  InvitePage,
  NewInvite,
  RedeemInviteBody,
} from "../contract/invites.ts";
import type { Directory, Me, UpdateMeBody } from "../contract/me.ts";
import type { AddMemberBody, Member, MemberPage } from "../contract/members.ts";
import type {
  AnswerNodeBody,
  ClusterNodes,
  CreateNodeTokenBody,
  JoinAnswered,
  JoinBody,
  Membership,
  NewNodeToken,
  UseNodeTokenBody,
  WaitingRequests,
} from "../contract/nodes.ts";
import type { Refusals } from "../contract/refusals.ts";
import type { CreateRoomBody, Room, RoomPage, UpdateRoomBody } from "../contract/rooms.ts";
import type { CreateTokenBody, NewToken, Token, TokenPage } from "../contract/tokens.ts";
import type {
  AddUserBody,
  ReplaceKeyBody,
  SeedUserBody,
  UpdateUserBody,
  User,
  UserDetail,
  UserPage,
} from "../contract/users.ts";
import type {
  ChangeOptions,
  EditOptions,
  ListOptions,
  MemberName,
  OrphanOptions,
  PageOptions,
} from "./options.ts";
import { randomHex } from "./random-hex.ts";
import { type ApiRequest, createTransport, type TransportOptions } from "./transport.ts";

export type ClientOptions = TransportOptions;

/** The API of a node as functions. Every one throws the `Problem` that the node answers. */
export interface Client {
  health(): Promise<Health>;
  bus(): Promise<Bus>;
  refusals(): Promise<Refusals>;
  /** Finds active users by their exact name: none, or one. */
  directory(name: string): Promise<Directory>;
  readonly me: MyCalls;
  readonly users: UserCalls;
  readonly tokens: TokenCalls;
  readonly invites: InviteCalls;
  readonly nodes: NodeCalls;
  readonly rooms: RoomCalls;
  readonly members: MemberCalls;
  /** The version of a user or room that this client answered, for `ifMatch`; null if none was told. */
  versionOf(answer: object): string | null;
}

export interface MyCalls {
  show(): Promise<Me>;
  update(body: UpdateMeBody, options?: EditOptions): Promise<User>;
  accept(room: Room["room"], options?: ChangeOptions): Promise<Member>;
  /** Leaves a room, or declines to be in it. */
  leave(room: Room["room"], options?: ChangeOptions): Promise<void>;
}

export interface UserCalls {
  /** Makes a key the first admin; at the node's own socket only. */
  seed(body: SeedUserBody, options?: ChangeOptions): Promise<User>;
  add(body: AddUserBody, options?: ChangeOptions): Promise<User>;
  list(options?: ListOptions): Promise<UserPage>;
  show(user: User["user"]): Promise<UserDetail>;
  update(
    user: User["user"],
    body: UpdateUserBody,
    options?: EditOptions & OrphanOptions,
  ): Promise<User>;
  /** Revokes a user by any key that it had; answers the last one. */
  revoke(user: User["user"], options?: OrphanOptions): Promise<User>;
  restore(user: User["user"], options?: ChangeOptions): Promise<User>;
  /** Gives a user another key; `signReplacement` of both identities makes the proof. */
  replaceKey(user: User["user"], body: ReplaceKeyBody, options?: ChangeOptions): Promise<User>;
}

export interface TokenCalls {
  /** Makes a token of one's own; its secret is in this answer alone. */
  create(body: CreateTokenBody, options?: ChangeOptions): Promise<NewToken>;
  list(options?: PageOptions): Promise<TokenPage>;
  revoke(token: Token["token"], options?: ChangeOptions): Promise<void>;
}

export interface InviteCalls {
  /** Makes an invite; its secret is in this answer alone. */
  create(body: CreateInviteBody, options?: ChangeOptions): Promise<NewInvite>;
  list(options?: PageOptions): Promise<InvitePage>;
  revoke(invite: Invite["invite"], options?: ChangeOptions): Promise<void>;
  /** Admits the key that signs; `proveInvite` of an identity makes the proof. */
  redeem(invite: Invite["invite"], body: RedeemInviteBody, options?: ChangeOptions): Promise<User>;
}

export interface NodeCalls {
  /** The nodes of the cluster; with `all` those too that were removed. */
  list(options?: { readonly all?: boolean }): Promise<ClusterNodes>;
  /** Removes a node for good; asked at another one. */
  remove(node: string, options?: ChangeOptions): Promise<void>;
  /** Asks to become a node; sent again until it is answered. Needs no proof but the token's. */
  join(body: JoinBody): Promise<JoinAnswered>;
  /** These at the node's own socket only. */
  createToken(body: CreateNodeTokenBody, options?: ChangeOptions): Promise<NewNodeToken>;
  listRequests(token: string): Promise<WaitingRequests>;
  useToken(token: string, body: UseNodeTokenBody, options?: ChangeOptions): Promise<Membership>;
  answer(token: string, body: AnswerNodeBody): Promise<void>;
  closeToken(token: string): Promise<void>;
}

export interface RoomCalls {
  create(body: CreateRoomBody, options?: ChangeOptions): Promise<Room>;
  list(options?: ListOptions): Promise<RoomPage>;
  show(room: Room["room"]): Promise<Room>;
  update(room: Room["room"], body: UpdateRoomBody, options?: EditOptions): Promise<Room>;
  delete(room: Room["room"], options?: ChangeOptions): Promise<void>;
}

export interface MemberCalls {
  list(room: Room["room"], options?: PageOptions): Promise<MemberPage>;
  add(member: MemberName, body?: AddMemberBody, options?: OrphanOptions): Promise<Member>;
  accept(member: MemberName, options?: ChangeOptions): Promise<Member>;
  remove(member: MemberName, options?: OrphanOptions): Promise<void>;
}

/**
 * Makes a client of the API, which asks as the user of `identity` or `token`, or as nobody. It uses web
 * standards alone. Every change carries an Idempotency-Key, so that whatever is sent twice is done once.
 * An answer that is no problem of the table becomes "node-unreachable": something else is there.
 */
export function createClient(options: ClientOptions): Client {
  const send = createTransport(options);
  const versions = new WeakMap<object, string>();

  async function ask<T>(request: ApiRequest): Promise<T> {
    const { value, version } = await send(request);
    if (typeof value === "object" && value !== null && version !== null) {
      versions.set(value, version);
    }
    // The node checks its answers against the contract that these types come from.
    return value as T;
  }
  const api: Api = {
    get: (path) => ask({ method: "GET", path }),
    send: (method, path, { body, ...change } = {}) =>
      ask({ method, path, body, ...change, idempotencyKey: change.idempotencyKey ?? randomHex() }),
  };
  return {
    health: () => ask({ method: "GET", path: "/healthz", open: true }),
    bus: () => api.get("/v1/bus"),
    refusals: () => api.get("/v1/refusals"),
    directory: (name) => api.get(`/v1/directory${queryOf({ name })}`),
    me: myCalls(api),
    users: userCalls(api),
    tokens: tokenCalls(api),
    invites: inviteCalls(api),
    nodes: nodeCalls(api, ask),
    rooms: roomCalls(api),
    members: memberCalls(api),
    versionOf: (answer) => versions.get(answer) ?? null,
  };
}

interface Api {
  get<T>(path: string): Promise<T>;
  send<T>(
    method: Exclude<ApiRequest["method"], "GET">,
    path: string,
    options?: EditOptions & { readonly body?: object },
  ): Promise<T>;
}

function myCalls({ get, send }: Api): MyCalls {
  return {
    show: () => get("/v1/me"),
    update: (body, change) => send("PATCH", "/v1/me", { ...change, body }),
    accept: (room, change) => send("PUT", `/v1/me/rooms/${segment(room)}`, change),
    leave: (room, change) => send("DELETE", `/v1/me/rooms/${segment(room)}`, change),
  };
}

function userCalls({ get, send }: Api): UserCalls {
  const path = (user: string, verb = ""): string => `/v1/users/${segment(user)}${verb}`;
  return {
    seed: (body, change) => send("POST", "/v1/users/seed", { ...change, body }),
    add: (body, change) => send("POST", "/v1/users", { ...change, body }),
    list: (page) => get(`/v1/users${queryOf(page)}`),
    show: (user) => get(path(user)),
    update: (user, body, { orphan, ...change } = {}) =>
      send("PATCH", `${path(user)}${orphanQuery(orphan)}`, { ...change, body }),
    revoke: (user, { orphan, ...change } = {}) =>
      send("POST", `${path(user, "/revoke")}${orphanQuery(orphan)}`, change),
    restore: (user, change) => send("POST", path(user, "/restore"), change),
    replaceKey: (user, body, change) =>
      send("POST", path(user, "/replace-key"), { ...change, body }),
  };
}

function tokenCalls({ get, send }: Api): TokenCalls {
  return {
    create: (body, change) => send("POST", "/v1/tokens", { ...change, body }),
    list: (page) => get(`/v1/tokens${queryOf(page)}`),
    revoke: (token, change) => send("DELETE", `/v1/tokens/${segment(token)}`, change),
  };
}

function inviteCalls({ get, send }: Api): InviteCalls {
  const path = (invite: string): string => `/v1/invites/${segment(invite)}`;
  return {
    create: (body, change) => send("POST", "/v1/invites", { ...change, body }),
    list: (page) => get(`/v1/invites${queryOf(page)}`),
    revoke: (invite, change) => send("DELETE", path(invite), change),
    redeem: (invite, body, change) => send("POST", `${path(invite)}/redeem`, { ...change, body }),
  };
}

function nodeCalls({ get, send }: Api, ask: <T>(request: ApiRequest) => Promise<T>): NodeCalls {
  const path = (token: string, verb = ""): string => `/v1/nodes/tokens/${segment(token)}${verb}`;
  return {
    list: (options) => get(`/v1/nodes${options?.all === true ? "?all=true" : ""}`),
    remove: (node, change) => send("DELETE", `/v1/nodes/${segment(node)}`, change),
    join: (body) => ask({ method: "POST", path: "/v1/nodes/join", body, open: true }),
    createToken: (body, change) => send("POST", "/v1/nodes/tokens", { ...change, body }),
    listRequests: (token) => get(path(token)),
    useToken: (token, body, change) => send("POST", path(token, "/use"), { ...change, body }),
    answer: (token, body) => send("POST", path(token, "/answer"), { body }),
    closeToken: (token) => send("DELETE", path(token)),
  };
}

function roomCalls({ get, send }: Api): RoomCalls {
  const path = (room: string): string => `/v1/rooms/${segment(room)}`;
  return {
    create: (body, change) => send("POST", "/v1/rooms", { ...change, body }),
    list: (page) => get(`/v1/rooms${queryOf(page)}`),
    show: (room) => get(path(room)),
    update: (room, body, change) => send("PATCH", path(room), { ...change, body }),
    delete: (room, change) => send("DELETE", path(room), change),
  };
}

function memberCalls({ get, send }: Api): MemberCalls {
  const path = ({ room, user }: MemberName): string =>
    `/v1/rooms/${segment(room)}/members/${segment(user)}`;
  return {
    list: (room, page) => get(`/v1/rooms/${segment(room)}/members${queryOf(page)}`),
    add: (member, body = {}, { orphan, ...change } = {}) =>
      send("PUT", `${path(member)}${orphanQuery(orphan)}`, { ...change, body }),
    accept: (member, change) => send("POST", `${path(member)}/accept`, change),
    remove: (member, { orphan, ...change } = {}) =>
      send("DELETE", `${path(member)}${orphanQuery(orphan)}`, change),
  };
}

function segment(text: string): string {
  return encodeURIComponent(text);
}

function orphanQuery(orphan: boolean | undefined): string {
  return orphan === true ? "?orphan=true" : "";
}

function queryOf(options: ListOptions = {}): string {
  const query = new URLSearchParams();
  const { limit, after, name, all } = options;
  if (limit !== undefined) query.set("limit", `${limit}`);
  if (after !== undefined) query.set("after", after);
  if (name !== undefined) query.set("name", name);
  if (all === true) query.set("all", "true");
  return query.size > 0 ? `?${query}` : "";
}
