import { describe, expect, test } from "bun:test";
import { operationIdOf } from "../../src/http/change.ts";
import { openTestApi, problemOf } from "../harness/api.ts";
import { aUser } from "../harness/builders.ts";

const headers = { "idempotency-key": "k-1" };

describe("a change repeated with its Idempotency-Key", () => {
  test("happens once, and is answered the same", async () => {
    using api = openTestApi();
    const body = { name: "ops" };
    const first = await api.atSocket("POST", "/v1/rooms", { body, headers });
    const again = await api.atSocket("POST", "/v1/rooms", { body, headers });
    expect(again.json).toEqual(first.json);
    expect([again.status, again.headers.get("unibus-seq")]).toEqual([201, "1"]);
    expect((await api.atSocket("GET", "/v1/rooms")).json.rooms).toHaveLength(1);
    const refused = { body: { user: aUser("a") }, headers: { "idempotency-key": "k-2" } };
    await api.atSocket("POST", "/v1/users", { body: { user: aUser("a") } });
    const seen = [
      await api.atSocket("POST", "/v1/users", refused),
      await api.atSocket("POST", "/v1/users", refused),
    ];
    expect(seen.map(problemOf)).toEqual(["user-exists", "user-exists"]);
  });

  test("is refused when it is another request: other body, path or method", async () => {
    using api = openTestApi();
    const user = await api.bus.addUser();
    await api.atSocket("POST", "/v1/rooms", { body: { name: "ops" }, headers });
    const answers = [
      await api.atSocket("POST", "/v1/rooms", { body: { name: "dev" }, headers }),
      await api.atSocket("POST", `/v1/users/${user}/revoke`, { headers }),
    ];
    expect(answers.map((one) => one.status)).toEqual([422, 422]);
    expect(answers.map(problemOf)).toEqual(Array(2).fill("idempotency-conflict"));
    expect((await api.atSocket("GET", `/v1/users/${user}`)).json.state).toBe("active");
  });

  test("is another one when somebody else sends it", async () => {
    using api = openTestApi({ mode: "off" });
    const body = { name: "ops" };
    const mine = await api.atSocket("POST", "/v1/rooms", { body, headers });
    const theirs = await api.overTcp("POST", "/v1/rooms", { body, headers });
    expect(theirs.status).toBe(201);
    expect(theirs.json.room).not.toBe(mine.json.room);
  });

  test("without a key happens as often as it is sent", async () => {
    using api = openTestApi();
    for (const n of [1, 2]) {
      const { status, headers: told } = await api.atSocket("POST", "/v1/rooms", {
        body: { name: "ops" },
      });
      expect([status, told.get("unibus-seq")]).toEqual([201, `${n}`]);
    }
  });
});

describe("the id of an operation", () => {
  test("is a digest of actor and key", () => {
    const ids = [
      operationIdOf({ kind: "operator" }, "a"),
      operationIdOf({ kind: "operator" }, "b"),
      operationIdOf({ kind: "anonymous" }, "a"),
      operationIdOf({ kind: "user", user: aUser("x") }, "a"),
    ];
    expect(new Set(ids).size).toBe(4);
    expect(ids[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(operationIdOf({ kind: "operator" }, "a")).toBe(
      ids[0] ?? operationIdOf({ kind: "operator" }, ""),
    );
  });
});

test("a change is recorded with its actor, evidence and time", async () => {
  using api = openTestApi({ mode: "off" });
  await api.atSocket("POST", "/v1/rooms", { body: { name: "a" }, headers });
  await api.overTcp("POST", "/v1/rooms", { body: { name: "b" } });
  const rows = api.bus.store.database
    .query<{ entry: string }, []>("SELECT entry FROM journal ORDER BY seq")
    .all();
  const [first, second] = rows.map((row) => JSON.parse(row.entry).operation);
  expect(first).toMatchObject({
    actor: { kind: "operator" },
    evidence: { kind: "local", uid: 1000 },
    at: 1_700_000_000_000,
    idempotencyKey: "k-1",
  });
  expect(second).toMatchObject({
    actor: { kind: "anonymous" },
    evidence: { kind: "none" },
    idempotencyKey: null,
  });
});
