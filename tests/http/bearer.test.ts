import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf, type TestApi } from "../harness/api.ts";
import { NOW } from "../harness/builders.ts";
import { anAdmitted } from "../harness/identity.ts";

async function aToken(api: TestApi, body: object = { scope: "write" }) {
  const identity = await anAdmitted(api.bus);
  const { json } = await api.asSigned(identity)("POST", "/v1/tokens", { body });
  return { identity, text: json.secret as string, token: json.token as string };
}

describe("a bearer token", () => {
  test("acts as its user, and its name is what the journal keeps of it", async () => {
    using api = openTestApi();
    const { identity, text, token } = await aToken(api);
    const me = await api.withToken(text)("GET", "/v1/me");
    expect([me.status, me.json.user.user, me.json.scope]).toEqual([200, identity.user, "write"]);
    const made = await api.withToken(text)("POST", "/v1/rooms", { body: { name: "ops" } });
    expect([made.status, made.json.createdBy]).toEqual([201, identity.user]);
    const entries = JSON.stringify(api.bus.store.database.query("SELECT * FROM journal").all());
    expect(entries).toContain(token);
    // The secret may hold an underscore itself.
    expect(entries).not.toContain(text.split("_").slice(2).join("_"));
  });

  test("that is wrong in any part is refused in the same words", async () => {
    using api = openTestApi();
    const { text } = await aToken(api);
    const other = await aToken(api);
    const [, id = "", secret = ""] = /^ubt_([a-z2-7]+)_(.+)$/.exec(text) ?? [];
    const changed = secret.endsWith("A") ? `${secret.slice(0, -1)}B` : `${secret.slice(0, -1)}A`;
    const wrong = [
      `ubt_${id}_${changed}`,
      `ubt_${"a".repeat(26)}_${secret}`,
      `ubt_${other.token}_${secret}`,
      `ubt_${id}`,
      `ubt_${id}_`,
      `${text}A`,
      text.toUpperCase(),
      "x",
      `ubt_${"_".repeat(5_000)}`,
    ];
    const answers = await Promise.all(wrong.map((one) => api.withToken(one)("GET", "/v1/me")));
    for (const answer of answers) {
      expect([answer.status, problemOf(answer)]).toEqual([401, "token-wrong"]);
      expect(answer.text).toBe(answers[0]?.text ?? "");
    }
    expect((await api.withToken(text)("GET", "/v1/me")).status).toBe(200);
  });

  test.each(["Basic YTpi", "Bearer", "Bearer ", "Token x", "Bearer a b", ""])(
    "is not what %p shows",
    async (authorization) => {
      using api = openTestApi();
      const answer = await api.overTcp("GET", "/v1/me", { headers: { authorization } });
      expect(problemOf(answer)).toBe("token-wrong");
    },
  );

  test("of another bus is one of nobody here", async () => {
    using elsewhere = openTestApi();
    using api = openTestApi();
    const { text } = await aToken(elsewhere);
    expect(problemOf(await api.withToken(text)("GET", "/v1/me"))).toBe("token-wrong");
  });

  test("ends at its time, which only its holder is told", async () => {
    const clock = { now: NOW };
    using api = openTestApi({ now: () => clock.now });
    const { text } = await aToken(api, { scope: "write", lifeSeconds: 60 });
    clock.now = NOW + 59_999;
    expect((await api.withToken(text)("GET", "/v1/me")).status).toBe(200);
    clock.now = NOW + 60_000;
    expect(problemOf(await api.withToken(text)("GET", "/v1/me"))).toBe("token-expired");
    const guessed = `${text.slice(0, -3)}AAA`;
    expect(problemOf(await api.withToken(guessed)("GET", "/v1/me"))).toBe("token-wrong");
  });

  test("dies with its user at once [M-013]", async () => {
    using api = openTestApi();
    const { text, identity } = await aToken(api);
    await api.bus.must({ kind: "user.revoke", user: identity.user });
    const answer = await api.withToken(text)("GET", "/v1/me");
    expect([answer.status, problemOf(answer)]).toEqual([401, "token-wrong"]);
  });

  test("works with a scheme in any case, and as often as it is shown", async () => {
    using api = openTestApi();
    const { text, identity } = await aToken(api);
    for (const scheme of ["bearer", "BEARER", "Bearer"]) {
      const headers = { authorization: `${scheme} ${text}` };
      const { json } = await api.overTcp("GET", "/v1/me", { headers });
      expect(json.user.user).toBe(identity.user);
    }
  });
});
