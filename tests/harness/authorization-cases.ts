import { randomUUID } from "node:crypto";
import type { Asker, Person, PersonName, World } from "./authorization-world.ts";
import { makeToken } from "./authorization-world.ts";
import type { Asked } from "./callers.ts";
import { testKey } from "./raw-nats.ts";

/** What is asked. */
export interface Question extends Asked {
  readonly path: string;
}
type Case = (world: World, asker: Asker) => Question | Promise<Question>;

/** The asker's own key, or for who has none a bystander's. */
async function itself(world: World, asker: Asker): Promise<Person> {
  return asker.person ?? (await world.person("bystander"));
}

function plain(path: string, body?: unknown): Case {
  return () => ({ path, body });
}

/** A question about the room. */
function inRoom(rest: string, body?: unknown): Case {
  return async (world) => ({ path: `/v1/rooms/${await world.room()}${rest}`, body });
}

type Whose = PersonName | "itself" | "nobody";

async function keyOf(world: World, asker: Asker, whose: Whose): Promise<string> {
  if (whose === "nobody") return testKey().user;
  return (whose === "itself" ? await itself(world, asker) : await world.person(whose)).user;
}

/** A question about somebody. */
function ofUser(whose: Whose, rest = "", body?: unknown): Case {
  return async (world, asker) => {
    return { path: `/v1/users/${await keyOf(world, asker, whose)}${rest}`, body };
  };
}

/** A question about somebody in the room. */
function ofMember(whose: Whose, rest = "", body?: unknown): Case {
  return async (world, asker) => {
    const user = await keyOf(world, asker, whose);
    return { path: `/v1/rooms/${await world.room()}/members/${user}${rest}`, body };
  };
}

function replacement(whose: "itself" | PersonName): Case {
  return async (world, asker) => {
    const person = whose === "itself" ? await itself(world, asker) : await world.person(whose);
    const body = person.signer.replaceBy(testKey());
    return { path: `/v1/users/${person.user}/replace-key`, body };
  };
}

async function ownToken(world: World, asker: Asker): Promise<Question> {
  const counts = asker.person !== null && !["no user", "revoked"].includes(asker.name);
  const text =
    asker.token ??
    (await makeToken(counts && asker.person ? asker.person : await world.person("bystander"), {
      scope: "read",
    }));
  return { path: `/v1/tokens/${text.split("_")[1]}` };
}

async function tokenOfBystander(world: World): Promise<Question> {
  const text = await makeToken(await world.person("bystander"), { scope: "read" });
  return { path: `/v1/tokens/${text.split("_")[1]}` };
}

interface MadeInvite {
  readonly invite: string;
  readonly secret: string;
}

function makeInvite({ operator }: World): Promise<MadeInvite> {
  return operator.get("POST", "/v1/invites", {});
}

/** Redeems an invite with the proof of who asks, or with that of somebody else. */
function redeem(prover: "itself" | "bystander"): Case {
  return async (world, asker) => {
    const { invite, secret } = await makeInvite(world);
    const person = prover === "itself" ? await itself(world, asker) : await another(world, asker);
    const { proof } = person.signer.proveInvite(secret);
    return { path: `/v1/invites/${invite}/redeem`, body: { proof } };
  };
}

async function another(world: World, asker: Asker): Promise<Person> {
  const bystander = await world.person("bystander");
  return bystander.user === asker.person?.user ? await world.person("outsider") : bystander;
}

function encryptedRoom(owner: "itself" | "bystander"): Case {
  return async (world, asker) => {
    const person = owner === "itself" ? await itself(world, asker) : await another(world, asker);
    const genesis = person.signer.genesis();
    return { path: "/v1/rooms", body: { name: "sealed", content: "encrypted", genesis } };
  };
}

const NO_INVITE = "a".repeat(26);

/** How each question of docs/authorization.md is asked, by operation and case. */
export const CASES: Readonly<Record<string, Case>> = {
  "GET /v1/bus": plain("/v1/bus"),
  "GET /v1/refusals": plain("/v1/refusals"),
  "GET /v1/nodes": plain("/v1/nodes"),
  "DELETE /v1/nodes/:node": plain("/v1/nodes/north"),
  "POST /v1/nodes/tokens": plain("/v1/nodes/tokens", { token: NO_INVITE, lifeSeconds: 60 }),
  "GET /v1/nodes/tokens/:token": plain(`/v1/nodes/tokens/${NO_INVITE}`),
  "POST /v1/nodes/tokens/:token/use": plain(`/v1/nodes/tokens/${NO_INVITE}/use`, {
    ...{ node: "north", route: "10.0.0.3:6250", certificate: null, certificateEndsAt: null },
  }),
  "POST /v1/nodes/tokens/:token/answer": plain(`/v1/nodes/tokens/${NO_INVITE}/answer`, {
    ...{ request: "none", sealed: null },
  }),
  "DELETE /v1/nodes/tokens/:token": plain(`/v1/nodes/tokens/${NO_INVITE}`),
  "GET /v1/me": plain("/v1/me"),
  "PATCH /v1/me: who may add it": plain("/v1/me", { accept: "none" }),
  "PUT /v1/me/rooms/:room: accept": async (world) => ({
    path: `/v1/me/rooms/${await world.room()}`,
  }),
  "DELETE /v1/me/rooms/:room: decline or leave": async (world) => ({
    path: `/v1/me/rooms/${await world.room()}`,
  }),
  "GET /v1/directory: a bystander's name": async (world) => ({
    path: `/v1/directory?name=${(await world.person("bystander")).userName}`,
  }),
  "GET /v1/users": plain("/v1/users"),
  "POST /v1/users: a member": () => ({ path: "/v1/users", body: { user: testKey().user } }),
  "POST /v1/users: an admin": () => ({
    path: "/v1/users",
    body: { user: testKey().user, role: "admin" },
  }),
  "POST /v1/users/seed": () => ({ path: "/v1/users/seed", body: { user: testKey().user } }),
  "GET /v1/users/:user: a member of the room": ofUser("another"),
  "GET /v1/users/:user: itself": ofUser("itself"),
  "GET /v1/users/:user: nobody's key": ofUser("nobody"),
  "PATCH /v1/users/:user: a bystander's name": (world, asker) =>
    ofUser("bystander", "", { name: `renamed ${randomUUID()}` })(world, asker),
  "PATCH /v1/users/:user: a bystander's role": ofUser("bystander", "", { role: "admin" }),
  "PATCH /v1/users/:user: its own role": ofUser("itself", "", { role: "admin" }),
  "POST /v1/users/:user/revoke: a bystander": ofUser("bystander", "/revoke"),
  "POST /v1/users/:user/revoke: another admin": ofUser("another admin", "/revoke"),
  "POST /v1/users/:user/revoke: nobody's key": ofUser("nobody", "/revoke"),
  "POST /v1/users/:user/restore: a revoked user": ofUser("revoked", "/restore"),
  "POST /v1/users/:user/restore: a revoked admin": ofUser("former admin", "/restore"),
  "POST /v1/users/:user/restore: itself": ofUser("itself", "/restore"),
  "POST /v1/users/:user/replace-key: a bystander's": replacement("bystander"),
  "POST /v1/users/:user/replace-key: its own": replacement("itself"),
  "GET /v1/tokens": plain("/v1/tokens"),
  "POST /v1/tokens: to read": plain("/v1/tokens", { scope: "read" }),
  "POST /v1/tokens: to act as admin": plain("/v1/tokens", { scope: "admin" }),
  "POST /v1/tokens: for the room": async (world) => ({
    path: "/v1/tokens",
    body: { scope: "read", room: await world.room() },
  }),
  "DELETE /v1/tokens/:token: its own": ownToken,
  "DELETE /v1/tokens/:token: a bystander's": tokenOfBystander,
  "GET /v1/invites": plain("/v1/invites"),
  "POST /v1/invites: of a member": plain("/v1/invites", {}),
  "POST /v1/invites: of an admin": plain("/v1/invites", { role: "admin" }),
  "POST /v1/invites: into the room": async (world) => ({
    path: "/v1/invites",
    body: { rooms: [{ room: await world.room() }] },
  }),
  "DELETE /v1/invites/:invite: an open one": async (world) => ({
    path: `/v1/invites/${(await makeInvite(world)).invite}`,
  }),
  "POST /v1/invites/:invite/redeem: with its proof": redeem("itself"),
  "POST /v1/invites/:invite/redeem: with a wrong proof": redeem("bystander"),
  "POST /v1/invites/:invite/redeem: no such invite": async (world, asker) => {
    const { proof } = (await itself(world, asker)).signer.proveInvite(
      `ubi_${NO_INVITE}_${"A".repeat(43)}`,
    );
    return { path: `/v1/invites/${NO_INVITE}/redeem`, body: { proof } };
  },
  "GET /v1/rooms": plain("/v1/rooms"),
  "POST /v1/rooms: a plain one": plain("/v1/rooms", { name: "plain" }),
  "POST /v1/rooms: owned by a bystander": async (world, asker) => ({
    path: "/v1/rooms",
    body: { name: "foisted", owner: (await another(world, asker)).user },
  }),
  "POST /v1/rooms: an encrypted one of its own": encryptedRoom("itself"),
  "POST /v1/rooms: an encrypted one of a bystander": encryptedRoom("bystander"),
  "GET /v1/rooms/:room": inRoom(""),
  "PATCH /v1/rooms/:room: its name": inRoom("", { name: "taken over" }),
  "DELETE /v1/rooms/:room": inRoom(""),
  "GET /v1/rooms/:room/members": inRoom("/members"),
  "PUT /v1/rooms/:room/members/:user: a bystander": ofMember("bystander", "", {}),
  "PUT /v1/rooms/:room/members/:user: itself, as owner": ofMember("itself", "", { role: "owner" }),
  "PUT /v1/rooms/:room/members/:user: nobody's key": ofMember("nobody", "", {}),
  "PUT /v1/rooms/:room/members/:user: a revoked user": ofMember("revoked", "", {}),
  "DELETE /v1/rooms/:room/members/:user: another member": ofMember("another"),
  "DELETE /v1/rooms/:room/members/:user: itself": ofMember("itself"),
  "DELETE /v1/rooms/:room/members/:user: a bystander": ofMember("bystander"),
  "POST /v1/rooms/:room/members/:user/accept: one that waits": ofMember("waiting", "/accept"),
  "POST /v1/rooms/:room/members/:user/accept: itself": ofMember("itself", "/accept"),
};
