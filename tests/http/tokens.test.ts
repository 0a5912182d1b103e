import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { ADMIN_TOKEN_LIFE_MS_MAX, TOKEN_LIFE_MS_MAX } from "../../src/core/limits.ts";
import { parseTokenText } from "../../src/core/secrets.ts";
import { openTestApi, problemOf, type TestApi } from "../harness/api.ts";
import { aRoom, NOW } from "../harness/builders.ts";
import { anAdmitted, anIdentity, replacementBody } from "../harness/identity.ts";

/** A user of the bus, asking with its key, and a token of it. */
async function aTokenOf(
  api: TestApi,
  {
    role,
    ...body
  }: { readonly role: "admin" | "member"; readonly scope: string; readonly room?: string },
) {
  const user = await anAdmitted(api.bus, role);
  const made = await api.asSigned(user)("POST", "/v1/tokens", { body });
  expect(made.status).toBe(201);
  return { user: user.user, asUser: api.asSigned(user), asToken: api.withToken(made.json.secret) };
}

describe("a token", () => {
  test("is shown once with its secret, listed without, and gone when revoked", async () => {
    using api = openTestApi();
    const ask = api.asSigned(await anAdmitted(api.bus));
    const made = await ask("POST", "/v1/tokens", { body: { scope: "write", label: "ci" } });
    expect(made.status).toBe(201);
    const { secret, ...shown } = made.json;
    expect(made.headers.get("location")).toBe(`/v1/tokens/${shown.token}`);
    expect(shown).toEqual({
      token: parseTokenText(secret)?.token,
      label: "ci",
      scope: "write",
      room: null,
      createdAt: new Date(NOW).toISOString(),
      expiresAt: new Date(NOW + TOKEN_LIFE_MS_MAX).toISOString(),
    });
    expect((await ask("GET", "/v1/tokens")).json).toEqual({ tokens: [shown], next: null });
    expect((await api.withToken(secret)("GET", "/v1/me")).json.scope).toBe("write");
    expect((await ask("DELETE", `/v1/tokens/${shown.token}`)).status).toBe(204);
    expect((await ask("GET", "/v1/tokens")).json.tokens).toEqual([]);
    expect(problemOf(await api.withToken(secret)("GET", "/v1/me"))).toBe("token-wrong");
    expect(problemOf(await ask("DELETE", `/v1/tokens/${shown.token}`))).toBe("token-not-found");
  });

  test("is stored as a digest alone, in rows and journal", async () => {
    using api = openTestApi();
    const ask = api.asSigned(await anAdmitted(api.bus));
    const made = await ask("POST", "/v1/tokens", { body: { scope: "read" } });
    const secret = parseTokenText(made.json.secret)?.secret ?? "";
    expect(secret).toHaveLength(43);
    const journal = api.bus.store.database.query("SELECT * FROM journal").all();
    const stored = `${api.bus.rows()} ${JSON.stringify(journal)}`;
    expect(stored).not.toContain(secret);
    expect(stored).toContain(createHash("sha256").update(secret).digest("hex"));
    expect(JSON.stringify(api.log)).not.toContain(secret);
  });

  test("lives as long as its scope allows, and no longer", async () => {
    using api = openTestApi();
    const ask = api.asSigned(await anAdmitted(api.bus, "admin"));
    const lifeOf = async (body: object) => {
      const answer = await ask("POST", "/v1/tokens", { body });
      return answer.status === 201 ? Date.parse(answer.json.expiresAt) - NOW : problemOf(answer);
    };
    expect(await lifeOf({ scope: "read" })).toBe(TOKEN_LIFE_MS_MAX);
    expect(await lifeOf({ scope: "admin" })).toBe(ADMIN_TOKEN_LIFE_MS_MAX);
    expect(await lifeOf({ scope: "read", lifeSeconds: 60 })).toBe(60_000);
    expect(await lifeOf({ scope: "admin", lifeSeconds: 3_601 })).toBe("request-invalid");
    expect(await lifeOf({ scope: "read", lifeSeconds: 86_401 })).toBe("request-invalid");
    expect(await lifeOf({ scope: "read", lifeSeconds: 0 })).toBe("request-invalid");
    expect(await lifeOf({ scope: "all" })).toBe("request-invalid");
    expect(await lifeOf({ scope: "read", label: "a\u202eb" })).toBe("request-invalid");
  });

  test("of scope read looks and changes nothing", async () => {
    using api = openTestApi();
    const { asToken } = await aTokenOf(api, { role: "member", scope: "read" });
    const before = api.bus.rows();
    expect((await asToken("GET", "/v1/rooms")).status).toBe(200);
    expect(problemOf(await asToken("POST", "/v1/rooms", { body: { name: "x" } }))).toBe(
      "forbidden",
    );
    expect(problemOf(await asToken("PATCH", "/v1/me", { body: { accept: "all" } }))).toBe(
      "forbidden",
    );
    expect(api.bus.rows()).toBe(before);
  });

  test("of scope write makes rooms, and manages no users though its user may", async () => {
    using api = openTestApi();
    const { asToken, asUser } = await aTokenOf(api, { role: "admin", scope: "write" });
    expect((await asToken("POST", "/v1/rooms", { body: { name: "x" } })).status).toBe(201);
    expect(problemOf(await asToken("GET", "/v1/users"))).toBe("forbidden");
    expect((await asUser("GET", "/v1/users")).status).toBe(200);
  });

  test("of scope admin does what its user may, and no more once the user may less", async () => {
    using api = openTestApi();
    const { asToken, user } = await aTokenOf(api, { role: "admin", scope: "admin" });
    expect((await asToken("GET", "/v1/users")).status).toBe(200);
    await api.bus.must({
      ...{ kind: "user.update", user, name: null, role: "member", accept: null, ifVersion: null },
      orphan: true,
    });
    expect(problemOf(await asToken("GET", "/v1/users"))).toBe("forbidden");
  });

  test("of scope admin is refused to a member", async () => {
    using api = openTestApi();
    const ask = api.asSigned(await anAdmitted(api.bus));
    const answer = await ask("POST", "/v1/tokens", { body: { scope: "admin" } });
    expect(problemOf(answer)).toBe("forbidden");
  });

  test("makes no tokens, invites or keys, whatever its scope", async () => {
    using api = openTestApi();
    const { asToken } = await aTokenOf(api, { role: "admin", scope: "admin" });
    const before = api.bus.rows();
    const by = await anIdentity();
    const old = await anIdentity();
    const replacement = await replacementBody({ bus: api.busId, old, by });
    for (const [path, body] of [
      ["/v1/tokens", { scope: "read" }],
      ["/v1/invites", {}],
      [`/v1/users/${old.user}/replace-key`, replacement],
    ] as const) {
      expect([path, problemOf(await asToken("POST", path, { body }))]).toEqual([path, "forbidden"]);
    }
    expect(api.bus.rows()).toBe(before);
  });

  test("for one room sees that room and no other", async () => {
    using api = openTestApi();
    const user = await anAdmitted(api.bus);
    const rooms = [await api.bus.addRoom(user.user), await api.bus.addRoom(user.user)].sort();
    const made = await api.asSigned(user)("POST", "/v1/tokens", {
      body: { scope: "write", room: rooms[1] },
    });
    const ask = api.withToken(made.json.secret);
    const list = await ask("GET", "/v1/rooms?limit=1");
    expect(list.json.rooms.map(({ room }: { room: string }) => room)).toEqual([rooms[1]]);
    expect((await ask("GET", `/v1/rooms/${rooms[1]}`)).status).toBe(200);
    expect(problemOf(await ask("GET", `/v1/rooms/${rooms[0]}`))).toBe("room-not-found");
    expect(problemOf(await ask("DELETE", `/v1/rooms/${rooms[0]}`))).toBe("room-not-found");
    expect(problemOf(await ask("POST", "/v1/rooms", { body: { name: "x" } }))).toBe("forbidden");
    expect((await ask("GET", "/v1/me")).json.rooms).toHaveLength(1);
  });

  test("is not made for a room that its user is not in, nor by who is no user", async () => {
    using api = openTestApi();
    const ask = api.asSigned(await anAdmitted(api.bus));
    const elsewhere = await api.bus.addRoom(await api.bus.addUser());
    for (const room of [elsewhere, aRoom(), "x"]) {
      const answer = await ask("POST", "/v1/tokens", { body: { scope: "read", room } });
      expect(problemOf(answer)).toBe("room-not-found");
    }
    const atSocket = await api.atSocket("POST", "/v1/tokens", { body: { scope: "read" } });
    expect(problemOf(atSocket)).toBe("forbidden");
    expect(problemOf(await api.atSocket("GET", "/v1/tokens"))).toBe("forbidden");
  });

  test("of somebody else is neither listed nor revoked", async () => {
    using api = openTestApi();
    const { asUser } = await aTokenOf(api, { role: "member", scope: "read" });
    const { token } = (await asUser("GET", "/v1/tokens")).json.tokens[0];
    const other = api.asSigned(await anAdmitted(api.bus, "admin"));
    expect((await other("GET", "/v1/tokens")).json.tokens).toEqual([]);
    expect(problemOf(await other("DELETE", `/v1/tokens/${token}`))).toBe("token-not-found");
    expect((await asUser("GET", "/v1/tokens")).json.tokens).toHaveLength(1);
  });

  test("dies with its user, and does not come back with it", async () => {
    using api = openTestApi();
    const { asToken, user } = await aTokenOf(api, { role: "member", scope: "read" });
    await api.bus.must({ kind: "user.revoke", user });
    expect((await asToken("GET", "/v1/me")).status).toBe(401);
    await api.bus.must({ kind: "user.restore", user });
    expect(problemOf(await asToken("GET", "/v1/me"))).toBe("token-wrong");
  });

  test("whose answer was lost is not shown again", async () => {
    using api = openTestApi();
    const ask = api.asSigned(await anAdmitted(api.bus));
    const asked = { body: { scope: "read" }, headers: { "idempotency-key": "once" } };
    expect((await ask("POST", "/v1/tokens", asked)).status).toBe(201);
    const again = await ask("POST", "/v1/tokens", asked);
    expect([again.status, problemOf(again)]).toEqual([409, "already-issued"]);
    expect((await ask("GET", "/v1/tokens")).json.tokens).toHaveLength(1);
  });
});
