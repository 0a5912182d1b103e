import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";

describe("health", () => {
  test("tells anybody the posture, in every mode [M-080]", async () => {
    for (const mode of ["off", "soft", "enforce"] as const) {
      using api = openTestApi({ mode });
      for (const ask of [api.overTcp, api.atSocket]) {
        const { status, json } = await ask("GET", "/healthz");
        expect(status).toBe(200);
        const members = ["alive", "ready", "version", "bus", "posture", "parts", "warnings"];
        expect(Object.keys(json)).toEqual(members);
        expect(Object.keys(json.posture)).toContain("tls");
        expect((await ask("GET", "/readyz")).json).toEqual({ ready: true });
      }
      expect(api.refusals).toEqual([]);
    }
  });

  test("stays 200 while a part is not ready, and /readyz names the part", async () => {
    const part = { part: "data-plane", ready: false, detail: "nats-server does not answer" };
    const posture = {
      mode: "enforce",
      tls: true,
      rights: "rooms",
      plainRooms: false,
      cluster: "c1",
      dataPlane: "embedded",
    } as const;
    using api = openTestApi({
      health: async () => ({
        alive: true,
        ready: false,
        version: "1",
        bus: "b",
        posture,
        parts: [part],
        warnings: [],
      }),
    });
    const healthz = await api.overTcp("GET", "/healthz");
    expect([healthz.status, healthz.json.ready, healthz.json.parts]).toEqual([200, false, [part]]);
    const readyz = await api.overTcp("GET", "/readyz");
    expect([readyz.status, problemOf(readyz)]).toEqual([503, "not-ready"]);
    expect(readyz.json.detail).toContain("data-plane");
  });

  test("answers HEAD with the headers alone", async () => {
    using api = openTestApi();
    const { status, text } = await api.overTcp("HEAD", "/healthz");
    expect([status, text]).toEqual([200, ""]);
  });
});
