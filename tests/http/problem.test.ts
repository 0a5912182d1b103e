import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";
import { aUser, NO_ROWS } from "../harness/builders.ts";

const SECRET = `SU${"B".repeat(56)}`;

describe("a request of the wrong shape", () => {
  test("is told what is wrong in words of the contract, never with what it sent", async () => {
    using api = openTestApi();
    const user = aUser();
    const cases: readonly (readonly [unknown, string])[] = [
      [{ user, roel: "admin" }, "it may have user, name, role"],
      [{ user, [SECRET]: 1 }, "a member that is not known"],
      [{ user, __proto__x: 1 }, "a member that is not known"],
      [{ user, role: SECRET }, '"role" is not one of admin, member'],
      [{ user, name: { secret: SECRET } }, '"name" is not'],
      [{ name: SECRET }, 'it has no "user"'],
      [{ user: 1 }, '"user" is not of the right form'],
    ];
    for (const [body, words] of cases) {
      const answer = await api.atSocket("POST", "/v1/users", { body });
      expect([answer.status, problemOf(answer)]).toEqual([422, "request-invalid"]);
      expect(answer.json.detail).toContain(words);
      expect(answer.text).not.toContain(SECRET);
    }
    expect(api.bus.rows()).toBe(NO_ROWS);
  });

  test("is refused for a member named __proto__ like for any other", async () => {
    using api = openTestApi();
    const raw = `{"user":"${aUser()}","__proto__":{"role":"admin"}}`;
    const headers = { "content-type": "application/json" };
    const answer = await api.atSocket("POST", "/v1/users", { raw, headers });
    expect(problemOf(answer)).toBe("request-invalid");
  });

  test("is not taken for right because a text looks like a number", async () => {
    using api = openTestApi();
    const answer = await api.atSocket("POST", "/v1/rooms", { body: { name: 5 } });
    expect(problemOf(answer)).toBe("request-invalid");
  });
});

describe("an error that nobody expected", () => {
  test("is told to the log, and to the caller not at all", async () => {
    using api = openTestApi({
      commit: () => Promise.reject(new Error(`disk at /var/lib is ${SECRET}`)),
    });
    const answer = await api.atSocket("POST", "/v1/users", { body: { user: aUser() } });
    expect([answer.status, problemOf(answer)]).toEqual([500, "internal"]);
    expect(answer.text).not.toContain("disk");
    expect(answer.text).not.toContain("at ");
    expect(api.log).toHaveLength(1);
    expect([api.log[0]?.level, api.log[0]?.event]).toEqual(["error", "request.failed"]);
    expect(api.log[0]?.message).toContain("disk at /var/lib");
  });

  test("is one too when an answer breaks the contract", async () => {
    using api = openTestApi({
      bus: () => JSON.parse('{"clientUrls":["nats://secret"],"more":1}'),
    });
    const answer = await api.atSocket("GET", "/v1/bus");
    expect([answer.status, problemOf(answer)]).toEqual([500, "internal"]);
    expect(answer.text).not.toContain("secret");
    expect(api.log[0]?.message).toContain('breaks the contract at "/');
    expect(JSON.stringify(api.log)).not.toContain("secret");
  });
});
