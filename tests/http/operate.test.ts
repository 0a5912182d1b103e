import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";

describe("the refusals", () => {
  test("are shown to the operator, with counters and reasons", async () => {
    using api = openTestApi({ mode: "enforce" });
    await api.overTcp("GET", "/v1/rooms?name=secret");
    const { json } = await api.atSocket("GET", "/v1/refusals");
    expect(json).toEqual({
      counts: { "request.unauthenticated": 1 },
      last: [
        {
          at: "2023-11-14T22:13:20.000Z",
          kind: "request",
          reason: "unauthenticated",
          address: "192.0.2.7",
          user: "",
          subject: "GET /v1/rooms",
          admitted: false,
        },
      ],
    });
  });

  test("are shown to nobody on the network", async () => {
    using api = openTestApi({ mode: "off" });
    expect(problemOf(await api.overTcp("GET", "/v1/refusals"))).toBe("forbidden");
  });
});

test("the bus tells where clients connect, and the limits", async () => {
  using api = openTestApi({ mode: "off" });
  for (const ask of [api.atSocket, api.overTcp]) {
    const { status, json } = await ask("GET", "/v1/bus");
    expect([status, json.clientUrls]).toEqual([200, ["nats://127.0.0.1:4250"]]);
    expect(json.limits.roomsPerUserMax).toBe(4);
  }
});
