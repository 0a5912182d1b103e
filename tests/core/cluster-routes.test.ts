import { describe, expect, test } from "bun:test";
import {
  clusterSizeWarning,
  routePasswordFault,
  routesToPeers,
  routeWithSecret,
} from "../../src/core/cluster-policy.ts";

test("a route to the node itself is no route to a peer [M-033]", () => {
  const routes = ["nats://127.0.0.1:6250", "nats://127.0.0.1:6251", "nats://10.0.0.2:6250"];
  const facts = { clusterPort: 6250, serverName: "n1", routes };
  expect(routesToPeers({ ...facts, bind: "127.0.0.1" })).toEqual(routes.slice(1));
  expect(routesToPeers({ ...facts, bind: "0.0.0.0" })).toEqual(routes);
});

test("all nodes may be given the same list, where hosts are named as the nodes are [M-033]", () => {
  const routes = ["N1.bus", "n2.bus", "n10", "n1"].map((host) => `nats://${host}:6250`);
  const facts = { bind: "0.0.0.0", clusterPort: 6250, serverName: "n1", routes };
  expect(routesToPeers(facts)).toEqual(routes.slice(1, 3));
  expect(routesToPeers({ ...facts, clusterPort: 6251 })).toEqual(routes);
});

describe("the shared secret stands in every route that names none [M-035, M-091]", () => {
  const secret = { user: "route", password: 'a"b$c@d/e:f,g%h ü' };

  test("a URL library reads back what was put in, whatever it holds", () => {
    const url = new URL(routeWithSecret("nats://[::1]:6250", secret));
    expect(decodeURIComponent(url.username)).toBe(secret.user);
    expect(decodeURIComponent(url.password)).toBe(secret.password);
    expect(url.host).toBe("[::1]:6250");
  });

  test("a route with one of its own keeps it, and without a secret it stays as it is", () => {
    const own = "nats://u:p@10.0.0.2:6250";
    expect(routeWithSecret(own, secret)).toBe(own);
    expect(routeWithSecret("nats://10.0.0.2:6250", null)).toBe("nats://10.0.0.2:6250");
  });

  test.each(["$2a$10$abc", "$2b$x", "$2y$x"])("the password %s would be taken as a hash", (text) =>
    expect(routePasswordFault(text)).toContain("bcrypt"),
  );
  test.each(["$2", "2a$", "$3a$x", "x$2a$"])("the password %s is one", (text) =>
    expect(routePasswordFault(text)).toBeNull(),
  );
});

test("a cluster of two is told that it has no fault tolerance [G-12]", () => {
  expect(clusterSizeWarning(2)).toContain("no fault tolerance");
  expect(clusterSizeWarning(2)).toContain("three are recommended");
  expect(clusterSizeWarning(3)).toBeNull();
});
