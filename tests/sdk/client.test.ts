// Covers src/sdk/client.ts and src/sdk/genesis.ts; what it does on the way: transport.test.ts.
import { describe, expect, test } from "bun:test";
import { Problem } from "../../src/core/problems.ts";
import { type Client, type ClientOptions, createClient } from "../../src/sdk/client.ts";
import { makeGenesis } from "../../src/sdk/genesis.ts";
import { type Identity, proveInvite } from "../../src/sdk/identity.ts";
import { OWN_HOST, openTestApi, type TestApi } from "../harness/api.ts";
import { aRoom, aUser, NOW } from "../harness/builders.ts";
import { anAdmitted, anIdentity, replacementBody } from "../harness/identity.ts";

const baseUrl = "http://localhost";

/** A client over the network, which says by key or token who it is. */
function clientOver(api: TestApi, as: Pick<ClientOptions, "identity" | "token">): Client {
  return createClient({
    baseUrl: `http://${OWN_HOST}`,
    now: () => NOW,
    ...as,
    fetch: (url, init) => {
      const headers = new Headers(init.headers);
      // A request in this process has none of itself.
      headers.set("host", OWN_HOST);
      const from = { kind: "tcp", address: "192.0.2.7" } as const;
      return api.app.fetch(new Request(url, { ...init, headers }), from);
    },
  });
}

function clientAs(api: TestApi, identity: Identity): Client {
  return clientOver(api, { identity });
}

function clientOf(api: TestApi, seen: Request[] = []): Client {
  return createClient({
    baseUrl,
    name: "the test node",
    fetch: (url, init) => {
      const request = new Request(url, init);
      seen.push(request);
      return api.app.fetch(request, { kind: "socket" });
    },
  });
}

/** A client of something that answers every request the same. */
function clientOfAnswer(answer: () => Response | Promise<Response>): Client {
  return createClient({ baseUrl, fetch: async () => answer() });
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error("Nothing was thrown");
}

describe("the client", () => {
  test("does to users whatever the API can", async () => {
    using api = openTestApi();
    const { users } = clientOf(api);
    const [admin, user] = [aUser(), aUser()];
    expect((await users.seed({ user: admin, name: "root" })).role).toBe("admin");
    expect((await users.add({ user, name: "Ada & co", role: "member" })).state).toBe("active");
    expect((await users.list({ name: "ada & co" })).users.map((one) => one.user)).toEqual([user]);
    const page = await users.list({ limit: 1 });
    expect(page.next).toBe(page.users[0]?.user ?? "");
    expect((await users.list({ after: page.next ?? "" })).users).toHaveLength(1);
    expect((await users.revoke(user)).state).toBe("revoked");
    expect((await users.restore(user)).state).toBe("active");
    expect((await users.show(user)).rooms).toEqual([]);
  });

  test("does to rooms and members whatever the API can", async () => {
    using api = openTestApi();
    const { rooms, members } = clientOf(api);
    const user = await api.bus.addUser();
    const { room } = await rooms.create({ name: "ops", history: "off" });
    expect((await rooms.show(room)).history).toBe("off");
    expect((await rooms.list({ name: "ops" })).rooms).toHaveLength(1);
    expect((await members.add({ room, user })).role).toBe("member");
    expect((await members.add({ room, user }, { role: "reader" })).role).toBe("reader");
    expect((await members.accept({ room, user })).state).toBe("active");
    expect((await members.list(room, { limit: 5 })).members).toHaveLength(1);
    expect(await members.remove({ room, user })).toBeUndefined();
    expect(await rooms.delete(room)).toBeUndefined();
  });

  test("gives users other names, roles and keys", async () => {
    using api = openTestApi();
    const admin = clientAs(api, await anAdmitted(api.bus, "admin"));
    const [old, next] = [await anAdmitted(api.bus), await anIdentity()];
    const [user, by] = [old.user, next.user];
    expect((await admin.users.update(user, { name: "Ada", role: "admin" })).role).toBe("admin");
    const body = await replacementBody({ bus: api.busId, old, by: next });
    const alone = { ...body, proof: { ...body.proof, byOld: null } };
    expect(await admin.users.replaceKey(user, alone)).toMatchObject({ user: by, name: "Ada" });
    expect((await admin.users.show(user)).state).toBe("revoked");
    expect(await admin.directory("Ada")).toEqual({ users: [{ user: by, name: "Ada" }] });
  });

  test("decides for oneself: who one is, whom one accepts, which rooms one is in", async () => {
    using api = openTestApi();
    const [owner, ada] = [await anAdmitted(api.bus), await anAdmitted(api.bus)];
    const mine = clientAs(api, ada);
    const { room } = await clientAs(api, owner).rooms.create({ name: "ops" });
    expect((await clientAs(api, owner).members.add({ room, user: ada.user })).state).toBe(
      "pending",
    );
    expect((await mine.me.show()).rooms).toMatchObject([{ room, state: "pending" }]);
    expect((await mine.me.accept(room)).state).toBe("active");
    expect(await mine.me.leave(room)).toBeUndefined();
    expect((await mine.me.update({ accept: "all" })).accept).toBe("all");
    expect((await clientAs(api, owner).members.add({ room, user: ada.user })).state).toBe("active");
  });

  test("makes, lists and revokes tokens, and asks by one", async () => {
    using api = openTestApi();
    const ada = await anAdmitted(api.bus);
    const { tokens } = clientAs(api, ada);
    const made = await tokens.create({ scope: "read", label: "ci" });
    expect((await tokens.list({ limit: 5 })).tokens).toMatchObject([{ token: made.token }]);
    const byToken = clientOver(api, { token: made.secret });
    expect(await byToken.me.show()).toMatchObject({ user: { user: ada.user }, scope: "read" });
    expect(await tokens.revoke(made.token)).toBeUndefined();
    expect((await problemOf(byToken.me.show())).code).toBe("token-wrong");
  });

  test("makes, lists and revokes invites, and redeems one with a key that is no user's", async () => {
    using api = openTestApi();
    const { invites, users } = clientAs(api, await anAdmitted(api.bus, "admin"));
    const made = await invites.create({ label: "for bob" });
    const bob = await anIdentity();
    const busId = (await clientOf(api).health()).bus;
    const { invite, proof } = await proveInvite({ inviteText: made.secret, busId, user: bob.user });
    const redeemed = await clientAs(api, bob).invites.redeem(invite, { proof, name: "bob" });
    expect(redeemed).toMatchObject({ user: bob.user, name: "bob" });
    expect((await invites.list()).invites).toMatchObject([{ redeemedBy: bob.user }]);
    expect((await users.list({ name: "bob" })).users).toHaveLength(1);
    const other = await invites.create({});
    expect(await invites.revoke(other.invite)).toBeUndefined();
  });

  test("makes an encrypted room by the record that its owner signs", async () => {
    using api = openTestApi();
    const ada = await anAdmitted(api.bus);
    const { rooms } = clientAs(api, ada);
    const busId = (await clientOf(api).health()).bus;
    const how = { identity: ada, busId, history: "from-joining", created: NOW } as const;
    const [genesis, another] = [await makeGenesis(how), await makeGenesis(how)];
    const room = await rooms.create({ name: "board", content: "encrypted", genesis });
    expect(room).toMatchObject({ content: "encrypted", createdBy: ada.user });
    expect(another.record).not.toBe(genesis.record);
  });

  test("changes what one looked at, and nothing that another changed meanwhile", async () => {
    using api = openTestApi();
    const client = clientAs(api, await anAdmitted(api.bus));
    const room = await client.rooms.create({ name: "ops" });
    const seen = client.versionOf(await client.rooms.show(room.room)) ?? "";
    const renamed = await client.rooms.update(room.room, { name: "ops 2" }, { ifMatch: seen });
    expect(client.versionOf(renamed)).not.toBe(seen);
    const late = client.rooms.update(room.room, { name: "ops 3" }, { ifMatch: seen });
    expect((await problemOf(late)).code).toBe("version-conflict");
    expect(client.versionOf({})).toBeNull();
  });

  test("reads health, bus and refusals", async () => {
    using api = openTestApi();
    const client = clientOf(api);
    expect((await client.health()).ready).toBe(true);
    expect((await client.bus()).natsVersion).toBe("2.14.3");
    expect((await client.refusals()).last).toEqual([]);
  });

  test("repeats a change under one key without doing it twice", async () => {
    using api = openTestApi();
    const seen: Request[] = [];
    const { rooms } = clientOf(api, seen);
    const options = { idempotencyKey: "once" };
    const first = await rooms.create({ name: "ops" }, options);
    expect(await rooms.create({ name: "ops" }, options)).toEqual(first);
    expect(seen.map((request) => request.headers.get("idempotency-key"))).toEqual(["once", "once"]);
  });

  test("never lets an id change the route", async () => {
    using api = openTestApi();
    const seen: Request[] = [];
    const { users, rooms } = clientOf(api, seen);
    await problemOf(users.revoke("../rooms?x=#"));
    await problemOf(rooms.show("a/members"));
    expect(seen.map((request) => new URL(request.url).pathname)).toEqual([
      "/v1/users/..%2Frooms%3Fx%3D%23/revoke",
      "/v1/rooms/a%2Fmembers",
    ]);
  });
});

describe("what goes wrong", () => {
  test("is thrown as the problem that the node answered", async () => {
    using api = openTestApi();
    const problem = await problemOf(clientOf(api).rooms.show(aRoom()));
    expect([problem.code, problem.detail.startsWith("Cannot ")]).toEqual(["room-not-found", true]);
  });

  test("is told as the node that does not answer", async () => {
    const client = createClient({
      baseUrl: "https://bus.example.org",
      fetch: () => Promise.reject(new TypeError("socket closed")),
    });
    const problem = await problemOf(client.health());
    expect([problem.code, problem.detail]).toEqual([
      "node-unreachable",
      "Cannot reach https://bus.example.org: it does not answer",
    ]);
  });

  test.each([
    ["a page of something else", () => new Response("<html>", { status: 404 })],
    ["a page with status 200", () => new Response("<html>")],
    [
      "a problem that is not ours",
      () => Response.json({ code: "toString", detail: "x" }, { status: 400 }),
    ],
    ["nothing", () => new Response(null, { status: 502 })],
    ["JSON that is no object", () => Response.json(null, { status: 500 })],
  ])("is told as something else that answers: %s", async (_what, answer) => {
    const problem = await problemOf(clientOfAnswer(answer).health());
    expect(problem.code).toBe("node-unreachable");
    expect(problem.detail).toContain("without a problem of unibus");
  });
});

test("the client is made of web standards: it is bundled for a browser without anything left out", async () => {
  const built = await Bun.build({
    entrypoints: [`${import.meta.dir}/../../src/sdk/client.ts`],
    target: "browser",
  });
  const text = await built.outputs[0]?.text();
  expect(built.success).toBe(true);
  expect(text).not.toMatch(/\bBun\.|\bnode:|\bprocess\.|typebox/i);
});
