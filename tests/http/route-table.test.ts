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

test("a path tells what stands in its places, decoded as far as it can be", () => {
  const table = routeTable([{ method: "PUT", path: "/v1/rooms/:room/members/:user" }]);
  expect(table.find("/v1/rooms/a%20b/members/%zz")?.params).toEqual({ room: "a b", user: "%zz" });
  expect(table.find("/v1/rooms//members/x")).toBeNull();
  expect(table.find("/v1/rooms/a%2fb/members/x")?.params).toEqual({ room: "a/b", user: "x" });
  expect(table.find("/v1/rooms/:room/members/:user")?.params).toEqual({
    room: ":room",
    user: ":user",
  });
});
