// Tries src/http/nonces.ts and src/http/request-rates.ts while the machine's clock is set.
import { describe, expect, test } from "bun:test";
import { NONCE_KEPT_MS } from "../../src/core/limits.ts";
import { openTestApi, problemOf, type TestApi } from "../harness/api.ts";
import { NOW } from "../harness/builders.ts";
import { admitRaw, type Crafted, craft, type RawIdentity } from "../harness/raw-signature.ts";

const HOUR_MS = 3_600_000;

/** A node whose clock can be set, apart from the time that passes. */
function openNode(more: Parameters<typeof openTestApi>[0] = {}) {
  const clock = { wall: NOW, elapsed: 5_000 };
  const api = openTestApi({
    ...{ now: () => clock.wall, elapsed: () => clock.elapsed, startedAt: NOW - 24 * HOUR_MS },
    ...more,
  });
  const pass = (ms: number) => {
    clock.wall += ms;
    clock.elapsed += ms;
  };
  return {
    api,
    pass,
    set: (ms: number) => {
      clock.wall += ms;
    },
    /** Signs by the node's clock, as our client does. */
    sign(identity: RawIdentity, crafted: Crafted = {}) {
      const created = Math.floor(clock.wall / 1000);
      const parameters = { created, expires: created + 60 };
      return craft(identity, api.busId, { ...crafted, parameters });
    },
  };
}

async function told(api: TestApi, request: Request): Promise<string> {
  const answer = await api.send(new Request(request));
  return answer.status < 300 ? `${answer.status}` : problemOf(answer);
}

describe("a signed request", () => {
  test("is not replayed by setting the clock ahead and back", async () => {
    const { api, set, pass, sign } = openNode();
    using _ = api;
    const identity = await admitRaw(api.bus);
    const read = sign(identity);
    expect(await told(api, read)).toBe("200");
    set(HOUR_MS);
    pass(2_000);
    // Somebody asks while the clock is ahead: now the time of the first one looks over.
    expect(await told(api, sign(identity))).toBe("200");
    set(-HOUR_MS);
    expect(await told(api, read)).toBe("signature-repeated");
    expect(await told(api, sign(identity))).toBe("200");
  });

  test("is not replayed at a time that comes again after its nonce was forgotten", async () => {
    const { api, set, pass, sign } = openNode();
    using _ = api;
    const identity = await admitRaw(api.bus);
    const made = { method: "POST", path: "/v1/rooms", body: '{"name":"ops"}' } as const;
    const refused = { method: "DELETE", path: `/v1/rooms/${"a".repeat(26)}` } as const;
    const overheard = [sign(identity), sign(identity, made), sign(identity, refused)];
    expect([
      await told(api, overheard[0] ?? never()),
      await told(api, overheard[1] ?? never()),
      await told(api, overheard[2] ?? never()),
    ]).toEqual(["200", "201", "room-not-found"]);
    pass(NONCE_KEPT_MS + 1_000);
    set(-NONCE_KEPT_MS - 1_000);
    const rows = api.bus.rows();
    expect([
      await told(api, overheard[0] ?? never()),
      await told(api, overheard[1] ?? never()),
      await told(api, overheard[2] ?? never()),
    ]).toEqual(["signature-before-start", "signature-repeated", "signature-before-start"]);
    expect(api.bus.rows()).toBe(rows);
    // Once that time is over, or where nothing was asked, requests go on.
    pass(2_000);
    expect(await told(api, sign(identity))).toBe("200");
  });

  test("is taken again as soon as a clock that was ahead for long is right", async () => {
    const { api, set, pass, sign } = openNode();
    using _ = api;
    const identity = await admitRaw(api.bus);
    for (const ms of [0, 365 * 24 * HOUR_MS, -365 * 24 * HOUR_MS]) {
      set(ms);
      for (let times = 0; times < 3; times++) {
        expect(await told(api, sign(identity))).toBe("200");
        pass(NONCE_KEPT_MS + 1_000);
      }
    }
  });
});

test("a clock that is set back by an hour empties no bucket, and one set ahead fills none", async () => {
  const { api, set, sign } = openNode({
    rates: {
      ...{ addressPerSecond: 1, addressBurst: 6, userPerSecond: 1, userBurst: 4 },
    },
  });
  using _ = api;
  const identity = await admitRaw(api.bus);
  expect(await told(api, sign(identity))).toBe("200");
  set(-HOUR_MS);
  for (let times = 0; times < 3; times++) expect(await told(api, sign(identity))).toBe("200");
  set(2 * HOUR_MS);
  expect(await told(api, sign(identity))).toBe("too-many-requests");
});

function never(): never {
  throw new Error("There is no such request");
}
