import { describe, expect, test } from "bun:test";
import { Problem } from "../../src/core/problems.ts";
import { type Client, createClient } from "../../src/sdk/client.ts";
import { openTestApi, type TestApi } from "../harness/api.ts";
import { aRoom, aUser } from "../harness/builders.ts";

const baseUrl = "http://localhost";

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
