import { describe, expect, test } from "bun:test";
import { parseInviteText } from "../../src/core/secrets.ts";
import { type Identity, proveInvite } from "../../src/sdk/identity.ts";
import { getBus } from "../../src/store/journal.ts";
import { openTestApi, problemOf, type TestApi } from "../harness/api.ts";
import { aUser, NOW } from "../harness/builders.ts";
import { anAdmitted, anIdentity } from "../harness/identity.ts";

async function anInvite(api: TestApi, body: object = {}) {
  const made = await api.atSocket("POST", "/v1/invites", { body });
  expect(made.status).toBe(201);
  return made.json;
}

/** Redeems an invite as its holder does. */
async function redeem(api: TestApi, inviteText: string, newcomer: Identity, name?: string) {
  const { busId } = getBus(api.bus.store);
  const { invite, proof } = await proveInvite({ inviteText, busId, user: newcomer.user });
  const body = name === undefined ? { proof } : { proof, name };
  return api.asSigned(newcomer)("POST", `/v1/invites/${invite}/redeem`, { body });
}

describe("an invite", () => {
  test("admits one key with its role and rooms, and works once", async () => {
    using api = openTestApi();
    const room = await api.bus.addRoom();
    const { secret, ...shown } = await anInvite(api, { role: "admin", rooms: [{ room }] });
    expect(shown).toEqual({
      invite: parseInviteText(secret)?.invite,
      label: "",
      role: "admin",
      rooms: [{ room, role: "member" }],
      createdBy: "operator",
      createdAt: new Date(NOW).toISOString(),
      expiresAt: new Date(NOW + 7 * 24 * 60 * 60 * 1000).toISOString(),
      redeemedBy: null,
    });
    const newcomer = await anIdentity();
    const joined = await redeem(api, secret, newcomer, "carol");
    expect([joined.status, joined.json.role, joined.json.name]).toEqual([201, "admin", "carol"]);
    const me = (await api.asSigned(newcomer)("GET", "/v1/me")).json;
    expect(me.rooms).toMatchObject([{ room, role: "member", state: "active" }]);
    const second = await redeem(api, secret, await anIdentity());
    expect([second.status, problemOf(second)]).toEqual([410, "invite-redeemed"]);
    const { invites } = (await api.atSocket("GET", "/v1/invites")).json;
    expect(invites).toEqual([{ ...shown, redeemedBy: newcomer.user }]);
  });

  test("is not stored but by what verifies it, and not sent when it is redeemed", async () => {
    using api = openTestApi();
    const { secret } = await anInvite(api);
    await redeem(api, secret, await anIdentity());
    const seed = parseInviteText(secret)?.secret ?? "";
    expect(seed).toHaveLength(43);
    const journal = JSON.stringify(api.bus.store.database.query("SELECT * FROM journal").all());
    const hex = Uint8Array.fromBase64(seed, { alphabet: "base64url" }).toHex();
    for (const form of [secret, seed, hex]) {
      expect(journal.includes(form) || api.bus.rows().includes(form)).toBe(false);
    }
  });

  test("is not spent by a key or a name that cannot be admitted", async () => {
    using api = openTestApi();
    const { secret } = await anInvite(api);
    const user = await anAdmitted(api.bus);
    await api.bus.must({ kind: "user.add", user: aUser(), name: "taken", role: "member" });
    expect(problemOf(await redeem(api, secret, user))).toBe("user-exists");
    const newcomer = await anIdentity();
    expect(problemOf(await redeem(api, secret, newcomer, "taken"))).toBe("name-taken");
    expect(problemOf(await redeem(api, secret, newcomer, "two  spaces"))).toBe("request-invalid");
    await api.bus.must({ kind: "user.revoke", user: user.user });
    expect((await redeem(api, secret, user)).status).toBe(401);
    expect((await redeem(api, secret, newcomer, "free")).status).toBe(201);
  });

  test("is no use to who does not hold it", async () => {
    using api = openTestApi();
    const { invite } = await anInvite(api);
    const other = (await anInvite(api)).secret;
    const newcomer = await anIdentity();
    const { busId } = getBus(api.bus.store);
    const { proof } = await proveInvite({ inviteText: other, busId, user: newcomer.user });
    const path = `/v1/invites/${invite}/redeem`;
    const ask = api.asSigned(newcomer);
    for (const wrong of [proof, "", "x".repeat(86)]) {
      expect(problemOf(await ask("POST", path, { body: { proof: wrong } }))).toBe("proof-wrong");
    }
    const stranger = await anIdentity();
    const stolen = await proveInvite({ inviteText: other, busId, user: newcomer.user });
    const answer = await api.asSigned(stranger)("POST", `/v1/invites/${stolen.invite}/redeem`, {
      body: { proof: stolen.proof },
    });
    expect(problemOf(answer)).toBe("proof-wrong");
  });

  test("of another bus proves nothing here", async () => {
    using api = openTestApi();
    const { secret } = await anInvite(api);
    const newcomer = await anIdentity();
    const { invite, proof } = await proveInvite({
      inviteText: secret,
      busId: "0".repeat(32),
      user: newcomer.user,
    });
    const path = `/v1/invites/${invite}/redeem`;
    const answer = await api.asSigned(newcomer)("POST", path, { body: { proof } });
    expect(problemOf(answer)).toBe("proof-wrong");
  });

  test("expires", async () => {
    let now = NOW;
    using api = openTestApi({ now: () => now });
    const { secret } = await anInvite(api, { lifeSeconds: 60 });
    now += 61_000;
    const late = await redeem(api, secret, await anIdentity());
    expect([late.status, problemOf(late)]).toEqual([410, "invite-expired"]);
  });

  test("that was revoked, or never was, is not found", async () => {
    using api = openTestApi();
    const { invite, secret } = await anInvite(api);
    const revoked = await api.atSocket("DELETE", `/v1/invites/${invite}`);
    expect(revoked.status).toBe(204);
    expect(problemOf(await redeem(api, secret, await anIdentity()))).toBe("invite-not-found");
    const again = await api.atSocket("DELETE", `/v1/invites/${invite}`);
    expect(problemOf(again)).toBe("invite-not-found");
    expect(problemOf(await api.atSocket("DELETE", "/v1/invites/x"))).toBe("invite-not-found");
  });

  test("dies with the rights of the admin who made it", async () => {
    using api = openTestApi();
    await anAdmitted(api.bus, "admin");
    const admin = await anAdmitted(api.bus, "admin");
    const made = await api.asSigned(admin)("POST", "/v1/invites", { body: {} });
    await api.bus.must({ kind: "user.revoke", user: admin.user });
    expect((await redeem(api, made.json.secret, await anIdentity())).status).toBeOneOf([404, 410]);
  });

  test("is made, listed and revoked by admins and the operator alone", async () => {
    using api = openTestApi();
    const { invite } = await anInvite(api);
    const before = api.bus.rows();
    const ask = api.asSigned(await anAdmitted(api.bus));
    const with_ = api.bus.rows();
    expect(with_).not.toBe(before);
    expect(problemOf(await ask("POST", "/v1/invites", { body: {} }))).toBe("forbidden");
    expect(problemOf(await ask("GET", "/v1/invites"))).toBe("forbidden");
    expect(problemOf(await ask("DELETE", `/v1/invites/${invite}`))).toBe("forbidden");
    expect(api.bus.rows()).toBe(with_);
  });

  test("leads only into plain rooms that its maker owns", async () => {
    using api = openTestApi();
    const admin = await anAdmitted(api.bus, "admin");
    const own = await api.bus.addRoom(admin.user);
    const others = await api.bus.addRoom(await api.bus.addUser());
    const ask = api.asSigned(admin);
    const invite = (room: string) =>
      ask("POST", "/v1/invites", { body: { rooms: [{ room, role: "reader" }] } });
    expect((await invite(own)).status).toBe(201);
    expect((await invite(others)).status).toBeOneOf([403, 404]);
  });

  test("is redeemed by a signed request, never by a token or without proof of the key", async () => {
    using api = openTestApi();
    const { invite, secret } = await anInvite(api);
    const { busId } = getBus(api.bus.store);
    const newcomer = await anIdentity();
    const { proof } = await proveInvite({ inviteText: secret, busId, user: newcomer.user });
    const unsigned = await api.overTcp("POST", `/v1/invites/${invite}/redeem`, { body: { proof } });
    expect([unsigned.status, problemOf(unsigned)]).toEqual([401, "unauthenticated"]);
    const atSocket = await api.atSocket("POST", `/v1/invites/${invite}/redeem`, {
      body: { proof },
    });
    expect(problemOf(atSocket)).toBe("forbidden");
  });
});
