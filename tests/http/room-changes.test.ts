import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type Genesis, renderGenesis } from "../../src/core/genesis.ts";
import { roomIdOf } from "../../src/core/ids.ts";
import type { Identity } from "../../src/sdk/identity.ts";
import { getBus } from "../../src/store/journal.ts";
import { openTestApi, problemOf, type TestApi } from "../harness/api.ts";
import { aUser, NOW } from "../harness/builders.ts";
import { anAdmitted } from "../harness/identity.ts";

const base64url = (bytes: Uint8Array) =>
  bytes.toBase64({ alphabet: "base64url", omitPadding: true });

/** A signed genesis record of a user, with whatever else is asked for. */
async function aGenesis(api: TestApi, signer: Identity, more: Partial<Genesis> = {}) {
  const busId = getBus(api.bus.store).busId;
  const bytes = renderGenesis({
    ...{ version: 1, kind: "genesis", bus: busId, owner: signer.user, suite: 1 },
    ...{ history: "all", created: NOW, nonce: "00112233445566778899aabbccddeeff" },
    ...more,
  });
  const signature = base64url(await signer.signRecord(busId, bytes));
  return { bytes, genesis: { record: base64url(bytes), signature } };
}

describe("a room's name", () => {
  test("is changed by its owner who saw it as it is, and by nobody else", async () => {
    using api = openTestApi();
    const owner = await anAdmitted(api.bus);
    const member = await anAdmitted(api.bus);
    const room = await api.bus.addRoom(owner.user);
    await api.bus.must({ kind: "member.add", room, user: member.user, role: "member" });
    const ask = api.asSigned(owner);
    const path = `/v1/rooms/${room}`;
    const seen = await ask("GET", path);
    const headers = { "if-match": seen.headers.get("etag") ?? "" };
    const renamed = await ask("PATCH", path, { body: { name: "plans" }, headers });
    expect([renamed.status, renamed.json]).toEqual([200, { ...seen.json, name: "plans" }]);
    expect(renamed.headers.get("etag")).not.toBe(headers["if-match"]);
    const late = await ask("PATCH", path, { body: { name: "late" }, headers });
    expect([late.status, problemOf(late)]).toEqual([412, "version-conflict"]);
    const body = { name: "mine" };
    expect(problemOf(await api.asSigned(member)("PATCH", path, { body }))).toBe("forbidden");
    const outside = api.asSigned(await anAdmitted(api.bus));
    expect(problemOf(await outside("PATCH", path, { body }))).toBe("room-not-found");
    expect((await ask("GET", path)).json.name).toBe("plans");
  });
});

describe("an encrypted room", () => {
  test("is made by its owner's signed record, whose digest is its id [M-005] [M-085]", async () => {
    using api = openTestApi({ plainRooms: false });
    const owner = await anAdmitted(api.bus);
    const { bytes, genesis } = await aGenesis(api, owner);
    const body = { name: "ops", content: "encrypted", genesis };
    const made = await api.asSigned(owner)("POST", "/v1/rooms", { body });
    expect([made.status, made.json.content, made.json.members]).toEqual([201, "encrypted", 1]);
    expect(made.json.room).toBe(roomIdOf(createHash("sha256").update(bytes).digest()));
    expect(made.json.createdBy).toBe(owner.user);
    const again = await api.asSigned(owner)("POST", "/v1/rooms", { body });
    expect(problemOf(again)).toBe("room-exists");
    const plain = await api.asSigned(owner)("POST", "/v1/rooms", { body: { name: "ops" } });
    expect([plain.status, problemOf(plain)]).toEqual([403, "plain-rooms-disabled"]);
  });

  test("is owned by whoever signed it and sends it, whatever the body says (H6)", async () => {
    using api = openTestApi();
    const owner = await anAdmitted(api.bus);
    const other = await anAdmitted(api.bus);
    const { genesis } = await aGenesis(api, owner);
    const body = { name: "ops", content: "encrypted", genesis };
    const before = api.bus.rows();
    expect(problemOf(await api.asSigned(other)("POST", "/v1/rooms", { body }))).toBe("forbidden");
    expect(problemOf(await api.atSocket("POST", "/v1/rooms", { body }))).toBe("forbidden");
    const named = { ...body, owner: other.user };
    const answer = await api.asSigned(owner)("POST", "/v1/rooms", { body: named });
    expect(problemOf(answer)).toBe("forbidden");
    expect(api.bus.rows()).toBe(before);
  });

  test("is refused with a record of another bus, owner or signature, or without one", async () => {
    using api = openTestApi();
    const owner = await anAdmitted(api.bus);
    const ask = api.asSigned(owner);
    const create = async (genesis: object | undefined, content = "encrypted") =>
      problemOf(await ask("POST", "/v1/rooms", { body: { name: "ops", content, genesis } }));
    const { genesis } = await aGenesis(api, owner);
    const foreign = (await aGenesis(api, owner, { bus: "0".repeat(32) })).genesis;
    const others = (await aGenesis(api, owner, { owner: aUser() })).genesis;
    const resigned = (await aGenesis(api, await anAdmitted(api.bus), { owner: owner.user }))
      .genesis;
    expect(await create(foreign)).toBe("record-invalid");
    expect(await create(others)).toBe("forbidden");
    expect(await create(resigned)).toBe("record-invalid");
    expect(await create({ ...genesis, signature: "x".repeat(86) })).toBe("record-invalid");
    expect(await create(undefined)).toBe("request-invalid");
    expect(await create(genesis, "plain")).toBe("request-invalid");
  });

  test("takes no second member without a signed record, from nobody", async () => {
    using api = openTestApi();
    const owner = await anAdmitted(api.bus);
    const { genesis } = await aGenesis(api, owner);
    const body = { name: "ops", content: "encrypted", genesis };
    const ask = api.asSigned(owner);
    const { room } = (await ask("POST", "/v1/rooms", { body })).json;
    const path = `/v1/rooms/${room}/members/${await api.bus.addUser()}`;
    for (const asking of [ask, api.atSocket]) {
      const answer = await asking("PUT", path, { body: {} });
      expect(problemOf(answer)).toBeOneOf(["record-required", "forbidden"]);
    }
    expect(problemOf(await ask("PUT", path, { body: {} }))).toBe("record-required");
    expect((await ask("GET", `/v1/rooms/${room}/members`)).json.members).toHaveLength(1);
  });
});
