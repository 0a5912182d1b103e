// Tries src/http/change.ts and src/server/write-path.ts: what is refused without an entry.
import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { getBus } from "../../src/store/journal.ts";
import { openTestApi, problemOf } from "../harness/api.ts";
import { aRoom, NOW } from "../harness/builders.ts";
import { admitRaw, craft, rawIdentity } from "../harness/raw-signature.ts";
import { paddedBody } from "../harness/refused-changes.ts";

const REQUESTS = 300;

function bytesOf(path: string): number {
  const sizes = [path, `${path}-wal`].map(
    (file) => statSync(file, { throwIfNoEntry: false })?.size,
  );
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

/** Asks for a room, as somebody who may be told that it is there no more. */
const inVain = { method: "PATCH", path: `/v1/rooms/${aRoom("gone")}` } as const;

async function anOutsider(api: ReturnType<typeof openTestApi>) {
  const identity = rawIdentity();
  await api.bus.must({ kind: "user.add", user: identity.user, name: null, role: "member" });
  return identity;
}

describe("changes of a user without any right", () => {
  test("add no entry and nothing to the database, however many, and however large their bodies", async () => {
    using api = openTestApi();
    const mallory = await anOutsider(api);
    const other = await admitRaw(api.bus);
    const room = await api.bus.addRoom(other.user);
    const member = `/v1/rooms/${room}/members/${mallory.user}`;
    const asks = [
      [{ ...inVain, body: paddedBody({ name: "mine" }) }, "room-not-found"],
      [{ method: "PUT", path: member, body: paddedBody({ role: "owner" }) }, "room-not-found"],
      [{ method: "DELETE", path: `/v1/rooms/${room}` }, "room-not-found"],
    ] as const;
    const before = { seq: getBus(api.bus.store).lastSeq, bytes: bytesOf(api.bus.path) };
    const rows = api.bus.rows();
    for (let number = 0; number < REQUESTS; number++) {
      const [asked, code] = asks[number % asks.length] ?? asks[0];
      const headers = { "idempotency-key": `${number}`.padEnd(128, "-") };
      const answer = await api.send(craft(mallory, api.busId, { ...asked, headers }));
      expect([answer.status, problemOf(answer)]).toEqual([404, code]);
      expect(answer.headers.has("unibus-seq")).toBe(false);
    }
    expect(getBus(api.bus.store).lastSeq).toBe(before.seq);
    expect(bytesOf(api.bus.path) - before.bytes).toBeLessThan(20_000);
    expect(api.bus.rows()).toBe(rows);
  });

  test("are refused once more as replays, and have to be signed anew after a restart", async () => {
    using api = openTestApi();
    const mallory = await anOutsider(api);
    const room = await api.bus.addRoom();
    const request = craft(mallory, api.busId, {
      ...{ method: "PATCH", path: `/v1/rooms/${room}`, body: '{"name":"mine"}' },
    });
    const later = openTestApi({ startedAt: NOW + 1, now: () => NOW + 2_000 }, api.bus);
    expect(problemOf(await api.send(new Request(request)))).toBe("room-not-found");
    expect(problemOf(await api.send(new Request(request)))).toBe("signature-repeated");
    // Now it could be done: whoever overheard it does not get it done.
    await api.bus.must({ kind: "member.add", room, user: mallory.user, role: "owner" });
    await api.bus.must({ kind: "member.accept", room, user: mallory.user });
    const rows = api.bus.rows();
    expect(problemOf(await api.send(new Request(request)))).toBe("signature-repeated");
    expect(problemOf(await later.send(new Request(request)))).toBe("signature-before-start");
    expect(api.bus.rows()).toBe(rows);
  });

  test("are judged anew when they are repeated with their Idempotency-Key, as no outcome is kept", async () => {
    using api = openTestApi();
    const mallory = await anOutsider(api);
    const room = await api.bus.addRoom();
    const headers = { "idempotency-key": "rename" };
    const rename = (name: string) =>
      api.send(
        craft(mallory, api.busId, {
          ...{ method: "PATCH", path: `/v1/rooms/${room}`, headers },
          body: JSON.stringify({ name }),
        }),
      );
    expect(problemOf(await rename("mine"))).toBe("room-not-found");
    expect(problemOf(await rename("another"))).toBe("room-not-found");
    await api.bus.must({ kind: "member.add", room, user: mallory.user, role: "owner" });
    await api.bus.must({ kind: "member.accept", room, user: mallory.user });
    const done = await rename("mine");
    expect([done.status, done.headers.get("unibus-seq")]).toEqual([200, "5"]);
    // From here on the key stands for what was done.
    expect((await rename("mine")).headers.get("unibus-seq")).toBe("5");
    expect(problemOf(await rename("another"))).toBe("idempotency-conflict");
    expect(getBus(api.bus.store).lastSeq).toBe(5);
  });
});
