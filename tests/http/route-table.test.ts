import { expect, test } from "bun:test";
import { routeTable } from "../../src/http/route-table.ts";

test("a path belongs to its own route before one with a name in it", () => {
  const table = routeTable([
    { method: "GET", path: "/v1/users/:user" },
    { method: "POST", path: "/v1/users/seed" },
    { method: "GET", path: "/v1/users" },
    { method: "POST", path: "/v1/users" },
  ]);
  expect(table.find("/v1/users/seed")).toMatchObject({ methods: ["POST"] });
  expect(table.find("/v1/users/U")).toMatchObject({
    pattern: "/v1/users/:user",
    methods: ["GET", "HEAD"],
  });
  expect(table.find("/v1/users")?.methods).toEqual(["GET", "POST", "HEAD"]);
  expect(table.find("/v1/users/")).toBeNull();
  expect(table.find("/v1/users/a/b")).toBeNull();
  expect(table.find("/x/v1/users")).toBeNull();
});
