import { randomUUID } from "node:crypto";
import type { Callers, Prepared, SigningCaller } from "./callers.ts";
import { testKey } from "./raw-nats.ts";
import type { Signer } from "./signer.ts";

/** A change that is asked for more than once. */
export interface Retried {
  readonly title: string;
  readonly by: Signer;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  /** A body that asks for something else. */
  readonly otherBody: unknown;
  /** What each success answers. */
  readonly told: string;
  /** Whether the answer holds a secret, which is shown once. */
  readonly secret: boolean;
  /** How often it was done, by what the operator sees. */
  count(callers: Callers): Promise<number>;
}

/** The people of a bus on which changes are asked for again and again. */
export interface Asking {
  readonly callers: Callers;
  readonly admin: SigningCaller;
  readonly owner: SigningCaller;
  readonly room: string;
}

export async function openAsking(callers: Callers): Promise<Asking> {
  const { operator } = callers;
  const admin = callers.signing();
  const owner = callers.signing();
  await operator.get("POST", "/v1/users/seed", { user: admin.user });
  await operator.get("POST", "/v1/users", { user: owner.user });
  const { room } = await owner.get<{ room: string }>("POST", "/v1/rooms", { name: "ops" });
  return { callers, admin, owner, room };
}

type Users = { users: { user: string; name: string | null; state: string }[] };

/** One of each kind of change that somebody may ask for twice. */
export async function listRetried({ callers, admin, owner, room }: Asking): Promise<Retried[]> {
  const name = `name ${randomUUID()}`;
  const newcomer = testKey().user;
  const leaver = testKey().user;
  const member = testKey().user;
  for (const user of [leaver, member]) await callers.operator.get("POST", "/v1/users", { user });
  const ofAdmin = { by: admin.signer, secret: false };
  const ofOwner = { by: owner.signer, secret: false };
  const users = async ({ operator }: Callers) =>
    (await operator.get<Users>("GET", "/v1/users?limit=1000")).users;
  return [
    {
      ...{ ...ofOwner, title: "a room made", told: "201" },
      ...{ method: "POST", path: "/v1/rooms", body: { name }, otherBody: { name: `${name}!` } },
      async count({ operator }) {
        const path = `/v1/rooms?name=${encodeURIComponent(name)}`;
        return (await operator.get<{ rooms: unknown[] }>("GET", path)).rooms.length;
      },
    },
    {
      ...{ ...ofOwner, title: "a member added", told: "201" },
      ...{ method: "PUT", path: `/v1/rooms/${room}/members/${member}` },
      ...{ body: { role: "reader" }, otherBody: { role: "writer" } },
      async count({ operator }) {
        const path = `/v1/rooms/${room}/members?limit=1000`;
        const { members } = await operator.get<{ members: { user: string }[] }>("GET", path);
        return members.filter(({ user }) => user === member).length;
      },
    },
    {
      ...{ ...ofAdmin, title: "a user added", told: "201" },
      ...{ method: "POST", path: "/v1/users", body: { user: newcomer, name } },
      otherBody: { user: testKey().user, name },
      count: async (at) => (await users(at)).filter((one) => one.name === name).length,
    },
    {
      ...{ ...ofAdmin, title: "a user revoked", told: "200" },
      ...{ method: "POST", path: `/v1/users/${leaver}/revoke`, body: {} },
      // Not another wish, but another text.
      otherBody: undefined,
      count: async (at) =>
        (await users(at)).filter(({ user, state }) => user === leaver && state === "revoked")
          .length,
    },
    {
      ...{ ...ofAdmin, title: "an invite made", told: "201", secret: true },
      ...{ method: "POST", path: "/v1/invites" },
      ...{ body: { label: name }, otherBody: { label: name, role: "admin" } },
      async count({ operator }) {
        const path = "/v1/invites?limit=1000";
        const { invites } = await operator.get<{ invites: { label: string }[] }>("GET", path);
        return invites.filter(({ label }) => label === name).length;
      },
    },
    {
      ...{ ...ofOwner, title: "a token made", told: "201", secret: true },
      ...{ method: "POST", path: "/v1/tokens" },
      ...{ body: { label: name, scope: "read" }, otherBody: { label: name, scope: "write" } },
      async count(at) {
        const { tokens } = await at
          .signing(owner.signer)
          .get<{ tokens: { label: string }[] }>("GET", "/v1/tokens");
        return tokens.filter(({ label }) => label === name).length;
      },
    },
  ];
}

/** The request, signed now; with an Idempotency-Key where one is given. */
export function prepareRetried(
  callers: Callers,
  { by, method, path, body }: Pick<Retried, "by" | "method" | "path" | "body">,
  idempotencyKey?: string,
): Prepared {
  const headers = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
  return callers.signing(by).prepare(method, path, { body, headers });
}
