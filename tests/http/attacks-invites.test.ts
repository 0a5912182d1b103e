import { describe, expect, test } from "bun:test";
import { type Identity, proveInvite } from "../../src/sdk/identity.ts";
import { getBus } from "../../src/store/journal.ts";
import { openTestApi, problemOf, type TestApi } from "../harness/api.ts";
import { anIdentity } from "../harness/identity.ts";

async function redeem(
  api: TestApi,
  inviteText: string,
  newcomer: Identity,
  { name, key }: { readonly name?: string; readonly key?: string } = {},
) {
  const { invite, proof } = await proveInvite({
    ...{ inviteText, busId: api.busId, user: newcomer.user },
  });
  return api.asSigned(newcomer)("POST", `/v1/invites/${invite}/redeem`, {
    body: { proof, ...(name === undefined ? {} : { name }) },
    headers: key === undefined ? {} : { "idempotency-key": key },
  });
}

async function anInvite(api: TestApi, body: object = {}): Promise<string> {
  return (await api.atSocket("POST", "/v1/invites", { body })).json.secret;
}

describe("a key that anybody can make writes nothing into the journal by an invite", () => {
  const lastSeq = ({ bus }: TestApi) => getBus(bus.store).lastSeq;

  async function refusedWithoutEntry(api: TestApi, secret: string, name?: string) {
    const before = lastSeq(api);
    const answer = await redeem(
      api,
      secret,
      await anIdentity(),
      name === undefined ? {} : { name },
    );
    expect(lastSeq(api)).toBe(before);
    return problemOf(answer);
  }

  test("that was used", async () => {
    using api = openTestApi();
    const secret = await anInvite(api);
    expect((await redeem(api, secret, await anIdentity())).status).toBe(201);
    expect(await refusedWithoutEntry(api, secret)).toBe("invite-redeemed");
  });

  test("that has expired", async () => {
    const clock = { now: 1_700_000_000_000 };
    using api = openTestApi({ now: () => clock.now });
    const secret = await anInvite(api, { lifeSeconds: 60 });
    clock.now += 61_000;
    expect(await refusedWithoutEntry(api, secret)).toBe("invite-expired");
  });

  test("whose maker is no admin any more", async () => {
    using api = openTestApi();
    const boss = await anIdentity();
    await api.bus.must({ kind: "user.add", user: boss.user, name: null, role: "admin" });
    const made = await api.asSigned(boss)("POST", "/v1/invites", { body: {} });
    expect(made.status).toBe(201);
    await api.bus.must({ kind: "user.revoke", user: boss.user, orphan: true });
    expect(await refusedWithoutEntry(api, made.json.secret)).toBe("invite-expired");
  });

  test("when it asks for a name that somebody has", async () => {
    using api = openTestApi();
    const { user } = await anIdentity();
    await api.bus.must({ kind: "user.add", user, name: "carol", role: "member" });
    expect(await refusedWithoutEntry(api, await anInvite(api), "Carol")).toBe("name-taken");
  });

  test("and who used it may still ask again", async () => {
    using api = openTestApi();
    const secret = await anInvite(api);
    const newcomer = await anIdentity();
    expect((await redeem(api, secret, newcomer, { key: "mine" })).status).toBe(201);
    expect((await redeem(api, secret, newcomer, { key: "mine" })).status).toBe(201);
    expect(problemOf(await redeem(api, secret, newcomer))).toBe("invite-redeemed");
  });
});
