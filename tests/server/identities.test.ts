import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Callers, openCallers, type SigningCaller } from "../harness/callers.ts";
import { writeCertificates } from "../harness/certificates.ts";
import { eventually } from "../harness/eventually.ts";
import { type RunningUnibus, startUnibus, temporaryFolder } from "../harness/unibus.ts";

async function seedAdmin(unibus: RunningUnibus, callers: Callers): Promise<SigningCaller> {
  const admin = callers.signing();
  const seeded = await unibus.cli("user", "seed", admin.user);
  expect(seeded).toMatchObject({ code: 0, stderr: "" });
  return admin;
}

async function addUser({ operator, signing }: Callers): Promise<SigningCaller> {
  const user = signing();
  await operator.get("POST", "/v1/users", { user: user.user });
  return user;
}

/** Makes a token of each scope that a user may have. */
async function makeTokens({ bearing }: Callers, user: SigningCaller, scopes: readonly string[]) {
  return await Promise.all(
    scopes.map(async (scope) => {
      const body = { scope };
      return bearing((await user.get<{ secret: string }>("POST", "/v1/tokens", body)).secret);
    }),
  );
}

test("the key that `user seed` admitted calls the admin API under enforce, and no other key does [M-011]", async () => {
  await using unibus = await startUnibus();
  const callers = await openCallers(unibus);
  const other = callers.signing();
  expect((await other.ask("GET", "/v1/users")).told).toBe("401 user-unknown");
  const admin = await seedAdmin(unibus, callers);
  const { users } = await admin.get<{ users: { user: string; role: string }[] }>(
    "GET",
    "/v1/users",
  );
  expect(users.map(({ user, role }) => [user, role])).toEqual([[admin.user, "admin"]]);
  await admin.get("POST", "/v1/users", { user: other.user });
  expect((await other.ask("GET", "/v1/users")).told).toBe("403 forbidden");
  expect((await other.ask("GET", "/v1/me")).told).toBe("200");
  // A bus is seeded once, and at its own machine alone.
  expect((await unibus.cli("user", "seed", callers.signing().user)).code).toBe(3);
  const body = { user: callers.signing().user };
  expect((await admin.ask("POST", "/v1/users/seed", { body })).told).toBe("403 forbidden");
});

test("after `user revoke` the key's next call is refused, and its tokens' too, for good [M-013]", async () => {
  await using unibus = await startUnibus();
  const callers = await openCallers(unibus);
  await seedAdmin(unibus, callers);
  const revoked = await addUser(callers);
  await callers.operator.get("PATCH", `/v1/users/${revoked.user}`, { role: "admin" });
  const tokens = await makeTokens(callers, revoked, ["read", "write", "admin"]);
  const asked = async () =>
    await Promise.all(
      [revoked, ...tokens].map(async ({ ask }) => (await ask("GET", "/v1/me")).told),
    );
  expect(await asked()).toEqual(["200", "200", "200", "200"]);
  const prepared = revoked.prepare("GET", "/v1/users");

  expect((await unibus.cli("user", "revoke", revoked.user)).code).toBe(0);
  const dead = Array.from(tokens, () => "401 token-wrong");
  expect(await asked()).toEqual(["401 identity-revoked", ...dead]);
  // Nor is a request good that was signed before.
  const late = await fetch(prepared.url, prepared.init);
  expect([late.status, await late.json()]).toMatchObject([401, { code: "identity-revoked" }]);
  for (const { ask } of [revoked, ...tokens]) {
    const { status } = await ask("POST", "/v1/rooms", { body: { name: "after all" } });
    expect(status).toBe(401);
  }
  expect(await callers.operator.get<object>("GET", "/v1/rooms")).toMatchObject({ rooms: [] });

  expect((await unibus.cli("user", "restore", revoked.user)).code).toBe(0);
  expect(await asked()).toEqual(["200", ...dead]);
});

test("a token loses what its user loses, and ends when it was to end", async () => {
  await using unibus = await startUnibus();
  const callers = await openCallers(unibus);
  await seedAdmin(unibus, callers);
  const user = await addUser(callers);
  const setRole = (role: string) => {
    return callers.operator.get("PATCH", `/v1/users/${user.user}`, { role });
  };
  await setRole("admin");
  const [admin] = await makeTokens(callers, user, ["admin"]);
  const asked = async () => (await admin?.ask("GET", "/v1/users"))?.told;
  expect(await asked()).toBe("200");
  await setRole("member");
  expect(await asked()).toBe("403 forbidden");
  await setRole("admin");
  expect(await asked()).toBe("200");

  const body = { scope: "read", lifeSeconds: 1 };
  const { secret } = await user.get<{ secret: string }>("POST", "/v1/tokens", body);
  const short = callers.bearing(secret);
  expect((await short.ask("GET", "/v1/me")).told).toBe("200");
  await eventually(async () => (await short.ask("GET", "/v1/me")).told === "401 token-expired");
});

test("an invite admits one of the keys that try it at once, and the others learn that it is used", async () => {
  await using unibus = await startUnibus();
  const callers = await openCallers(unibus);
  const { secret } = await callers.operator.get<{ secret: string }>("POST", "/v1/invites", {});
  const newcomers = Array.from({ length: 20 }, () => callers.signing());
  const redeem = async ({ signer, ask }: SigningCaller) => {
    const { invite, proof } = signer.proveInvite(secret);
    return (await ask("POST", `/v1/invites/${invite}/redeem`, { body: { proof } })).told;
  };
  const told = await Promise.all(newcomers.map(redeem));
  const used = Array.from({ length: newcomers.length - 1 }, () => "410 invite-redeemed");
  expect(told.toSorted()).toEqual(["201", ...used]);
  const { users } = await callers.operator.get<{ users: { user: string }[] }>("GET", "/v1/users");
  const admitted = newcomers.filter((_, at) => told[at] === "201").map(({ user }) => user);
  expect(users.map(({ user }) => user)).toEqual(admitted);
});

describe("the same unsigned request, in each of the three modes", () => {
  const PATH = "/v1/rooms";
  const body = { name: "lobby" };

  test.each([
    ["off", "201", {}],
    ["soft", "201", { "soft.request.unauthenticated": 2 }],
    ["enforce", "401 unauthenticated", { "request.unauthenticated": 2 }],
  ] as const)(
    "is under %s answered with %s, counted, and seen by `unibus refusals` [M-065, M-069]",
    async (mode, told, counts) => {
      await using unibus = await startUnibus({ args: ["--bus-auth", mode] });
      const { unsigned, operator } = await openCallers(unibus);
      expect((await unsigned.ask("POST", PATH, { body })).told).toBe(told);
      const read = await unsigned.ask("GET", PATH);
      expect(read.told).toBe(mode === "enforce" ? told : "200");
      // Whoever showed nothing knows that.
      expect(read.headers.has("unibus-would-refuse")).toBe(false);
      expect(await operator.get<object>("GET", "/v1/refusals")).toMatchObject({ counts });
      const { code, stdout } = await unibus.cli("refusals");
      expect(code).toBe(0);
      for (const line of ["GET /v1/rooms", "POST /v1/rooms", "unauthenticated"]) {
        expect([mode, line, stdout.includes(line)]).toEqual([mode, line, mode !== "off"]);
      }
      expect(stdout.includes("(let through: soft)")).toBe(mode === "soft");
    },
  );

  test.each([
    ["off", {}],
    ["soft", { "soft.request.user-unknown": 1, "soft.request.token-wrong": 1 }],
  ] as const)(
    "with a proof that does not hold, is under %s answered as to nobody, who is told why [M-065, M-069]",
    async (mode, counts) => {
      await using unibus = await startUnibus({ args: ["--bus-auth", mode] });
      const { bearing, signing, operator } = await openCallers(unibus);
      const token = `ubt_${"a".repeat(26)}_${"A".repeat(43)}`;
      for (const [caller, reason] of [
        [signing(), "user-unknown"],
        [bearing(token), "token-wrong"],
      ] as const) {
        const answer = await caller.ask("GET", "/v1/me");
        expect(JSON.parse(answer.text)).toMatchObject({ kind: "anonymous", user: null });
        expect(answer.headers.get("unibus-would-refuse")).toBe(reason);
      }
      const told = await operator.get<{ counts: object }>("GET", "/v1/refusals");
      expect(told.counts).toEqual(counts);
    },
  );
});

test("a signed request is its user's in each of the three modes [M-069]", async () => {
  for (const mode of ["off", "soft", "enforce"]) {
    await using unibus = await startUnibus({ args: ["--bus-auth", mode] });
    const callers = await openCallers(unibus);
    const user = await addUser(callers);
    const [token] = await makeTokens(callers, user, ["read"]);
    for (const caller of [user, token]) {
      const me = await caller?.get<{ user: { user: string } | null }>("GET", "/v1/me");
      expect([mode, me?.user?.user]).toEqual([mode, user.user]);
    }
  }
});

test("at its port nobody has the operator's power, however it is asked for [M-014]", async () => {
  using folder = temporaryFolder();
  const { cert, key, ca } = await writeCertificates(join(folder.path, "tls"));
  const tls = ["--tls-cert", cert, "--tls-key", key];
  for (const args of [["--bus-auth", "off"], ["--bus-auth", "enforce"], tls]) {
    await using unibus = await startUnibus({ args });
    const callers = await openCallers(unibus, args === tls ? { ca } : {});
    const admin = callers.signing();
    await callers.operator.get("POST", "/v1/users", { user: admin.user, role: "admin" });
    const tokens = await makeTokens(callers, admin, ["admin"]);
    const body = { user: callers.signing().user };
    const claims = [
      { "x-forwarded-for": "127.0.0.1" },
      { "x-real-ip": "127.0.0.1", forwarded: "for=127.0.0.1;by=unix:" },
      { authorization: "Operator" },
      { "x-unibus-operator": "true", "x-remote-user": "root" },
    ];
    for (const caller of [callers.unsigned, admin, ...tokens]) {
      for (const headers of [{}, ...claims]) {
        const { status } = await caller.ask("POST", "/v1/users/seed", { body, headers });
        expect([args, headers, [401, 403].includes(status)]).toEqual([args, headers, true]);
      }
    }
    const me = await callers.operator.get<{ kind: string }>("GET", "/v1/me");
    expect(me.kind).toBe("operator");
  }
});
