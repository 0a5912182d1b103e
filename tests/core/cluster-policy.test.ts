import { describe, expect, test } from "bun:test";
import {
  type ClusterFacts,
  isNodeName,
  refuseCluster,
  splitRoutes,
} from "../../src/core/cluster-policy.ts";

const ALONE: ClusterFacts = {
  bind: "127.0.0.1",
  resolved: [],
  busAuth: "off",
  natsUrl: "",
  clusterName: "",
  serverName: "",
  clusterPort: 6250,
  routes: [],
  clusterUser: "",
  clusterPassSet: false,
  routeTlsCert: "",
  routeTlsKey: "",
  routeTlsCa: "",
  given: new Set(),
};
const LOOPBACK = { clusterName: "bus", serverName: "a", routes: ["nats://127.0.0.1:6251"] };
const SECRET = { clusterUser: "route", clusterPassSet: true };
const ROUTE_TLS = { routeTlsCert: "node.crt", routeTlsKey: "node.key", routeTlsCa: "ca.crt" };
const PUBLIC = {
  ...LOOPBACK,
  ...SECRET,
  ...ROUTE_TLS,
  bind: "10.0.0.1",
  busAuth: "enforce",
  routes: ["nats://u:p@10.0.0.2:6250"],
} as const;

function refusalOf(facts: Partial<ClusterFacts>): string | null {
  const refusal = refuseCluster({ ...ALONE, ...facts });
  if (refusal) expect(refusal.code).toBe("cluster-refused");
  return refusal?.detail ?? null;
}

const TLS_FIELDS = ["routeTlsCert", "routeTlsKey", "routeTlsCa"] as const;

function* everyCluster(): Generator<ClusterFacts> {
  const flags = [false, true];
  for (const bind of ["127.0.0.1", "::1", "0.0.0.0", "10.0.0.1", ""])
    for (const busAuth of ["off", "soft", "enforce"] as const)
      for (const serverName of ["", "a"])
        for (const clusterUser of ["", "route"])
          for (const clusterPassSet of flags)
            for (const files of [0, 1, 2, 3, 4, 5, 6, 7])
              for (const route of [[], ["nats://127.0.0.1:6251"], ["nats://u:p@10.0.0.2:6250"]])
                for (const natsUrl of ["", "nats://10.0.0.9:4222"])
                  yield {
                    ...ALONE,
                    ...{ bind, busAuth, serverName, clusterUser, clusterPassSet, natsUrl },
                    clusterName: "bus",
                    routes: route,
                    routeTlsCert: files & 1 ? "node.crt" : "",
                    routeTlsKey: files & 2 ? "node.key" : "",
                    routeTlsCa: files & 4 ? "ca.crt" : "",
                  };
}

describe("TestClusterConfigPolicy: the cluster policy [M-113]", () => {
  test("every shape is refused exactly when a rule says so", () => {
    let started = 0;
    for (const facts of everyCluster()) {
      const files = TLS_FIELDS.filter((field) => facts[field] !== "").length;
      const reachable =
        !["127.0.0.1", "::1"].includes(facts.bind) || (facts.routes[0] ?? "").includes("10.0.0.2");
      const broken =
        facts.natsUrl !== "" ||
        facts.serverName === "" ||
        (facts.clusterUser !== "") !== facts.clusterPassSet ||
        files === 1 ||
        files === 2 ||
        facts.routes.length === 0 ||
        (reachable && (facts.busAuth !== "enforce" || !facts.clusterPassSet || files === 0));
      expect(refuseCluster(facts) !== null, JSON.stringify(facts)).toBe(broken);
      if (!broken) started++;
    }
    // On loopback: two binds, three modes, secret or none, files of no, three or four kinds.
    expect(started).toBe(2 * 3 * 2 * 2 + 2 * 1 + 3 * 2);
  });

  test("a node on its own is not the policy's matter [M-048]", () => {
    expect(refusalOf({})).toBeNull();
    expect(refusalOf({ bind: "0.0.0.0" })).toBeNull();
    expect(refusalOf({ serverName: "a", given: new Set(["server-name"]) })).toBeNull();
  });

  test("a cluster on loopback passes with neither secret nor TLS [M-047]", () => {
    expect(refusalOf(LOOPBACK)).toBeNull();
    expect(refusalOf({ ...LOOPBACK, routes: ["nats://[::1]:6251"], bind: "::1" })).toBeNull();
  });

  test("a cluster without another node is refused in our own words [M-096]", () => {
    const lonely = "--routes names no other node";
    expect(refusalOf({ ...LOOPBACK, routes: [] })).toContain(lonely);
    expect(refusalOf({ ...LOOPBACK, routes: ["nats://127.0.0.1:6250"] })).toContain(lonely);
    expect(refusalOf({ ...LOOPBACK, routes: ["nats://[::1]:6250"], bind: "::1" })).toContain(
      lonely,
    );
  });

  test("a route port that nobody knows is refused [M-032]", () =>
    expect(refusalOf({ ...LOOPBACK, clusterPort: 0 })).toContain("--cluster-port is 0"));
});

describe("a public cluster needs enforce, a secret and mutual route TLS [M-045]", () => {
  test("with all of them it passes", () => expect(refusalOf(PUBLIC)).toBeNull());

  test("without the secret it is refused", () =>
    expect(refusalOf({ ...PUBLIC, clusterUser: "", clusterPassSet: false })).toContain(
      "--cluster-user and --cluster-pass-file",
    ));

  test("without any route TLS it is refused", () =>
    expect(refusalOf({ ...PUBLIC, routeTlsCert: "", routeTlsKey: "", routeTlsCa: "" })).toContain(
      "--route-tls-cert, --route-tls-key and --route-tls-ca",
    ));

  test.each([...TLS_FIELDS])("without %s it is refused", (field) =>
    expect(refusalOf({ ...PUBLIC, [field]: "" })).not.toBeNull(),
  );

  test.each(["off", "soft"] as const)("with %s it is refused", (busAuth) =>
    expect(refusalOf({ ...PUBLIC, busAuth })).toContain("--bus-auth enforce"),
  );

  test("a node on loopback that reaches out to another machine counts as public", () => {
    const routes = ["nats://127.0.0.1:6251", "nats://u:p@10.0.0.2:6250"];
    expect(refusalOf({ ...LOOPBACK, routes })).toContain("route 2 of --routes leads to another");
    expect(refusalOf({ ...PUBLIC, bind: "127.0.0.1", routes })).toBeNull();
  });
});

describe("route TLS is all or nothing [M-046]", () => {
  test.each([1, 2, 3, 4, 5, 6])("combination %d of some files is refused", (files) => {
    const detail = refusalOf({
      ...LOOPBACK,
      routeTlsCert: files & 1 ? "x" : "",
      routeTlsKey: files & 2 ? "x" : "",
      routeTlsCa: files & 4 ? "x" : "",
    });
    expect(detail).toContain("must be set together");
    const missing = detail?.split(", and ")[1] ?? "";
    expect(missing.includes("--route-tls-cert")).toBe(!(files & 1));
    expect(missing.includes("--route-tls-key")).toBe(!(files & 2));
    expect(missing.includes("--route-tls-ca")).toBe(!(files & 4));
  });

  test("all three pass on loopback", () =>
    expect(refusalOf({ ...LOOPBACK, ...ROUTE_TLS })).toBeNull());
});

describe("half a secret is refused [G-09]", () => {
  test("a user without a password", () =>
    expect(refusalOf({ ...LOOPBACK, clusterUser: "route" })).toContain("--cluster-pass-file"));
  test("a password without a user", () =>
    expect(refusalOf({ ...LOOPBACK, clusterPassSet: true })).toContain("--cluster-user"));
  test("both pass", () => expect(refusalOf({ ...LOOPBACK, ...SECRET })).toBeNull());
});

describe("flags of a cluster have no effect without one [G-10]", () => {
  test.each([
    "cluster-port",
    "routes",
    "cluster-user",
    "cluster-pass",
    "cluster-pass-file",
    "route-tls-cert",
    "route-tls-key",
    "route-tls-ca",
    "stale-max",
  ])("--%s alone is refused", (name) =>
    expect(refusalOf({ given: new Set([name]) })).toBe(
      `Cannot start: --${name} has no effect without --cluster-name`,
    ),
  );
});

test("a node of a cluster needs a name of its own, and our words say so [M-096]", () => {
  const detail = refusalOf({ ...LOOPBACK, serverName: "" });
  expect(detail).toContain("--server-name is not set");
  expect(detail).not.toContain("server_name");
});

test("a cluster needs the embedded server", () =>
  expect(refusalOf({ ...LOOPBACK, natsUrl: "nats://10.0.0.9:4222" })).toContain("--nats-url"));

test.each([
  ["a", true],
  ["node_1-A", true],
  ["a".repeat(64), true],
  ["", false],
  ["a".repeat(65), false],
  ["a.b", false],
  ["a b", false],
  ["a>", false],
  ["ä", false],
  ["a\n", false],
])("the name %j can name a node: %j", (name, can) => {
  expect(isNodeName(name)).toBe(can);
  if (name !== "") {
    expect(refusalOf({ ...LOOPBACK, clusterName: name }) === null).toBe(can);
    expect(refusalOf({ ...LOOPBACK, serverName: name }) === null).toBe(can);
  }
});

describe("TestSplitRoutes: routes parted by commas [M-117]", () => {
  test.each([
    ["", []],
    [" , ,, ", []],
    ["a, ,b,", ["a", "b"]],
    [
      "nats://u:p@10.0.0.2:6250,nats://10.0.0.3:6250",
      ["nats://u:p@10.0.0.2:6250", "nats://10.0.0.3:6250"],
    ],
    ["\tnats://[::1]:6250 ,", ["nats://[::1]:6250"]],
  ])("%j are the routes %j [M-095]", (csv, routes) => expect(splitRoutes(csv)).toEqual(routes));

  test.each([
    "nats://127.0.0.1:6250",
    "nats-route://127.0.0.1:6250",
    "NATS://127.0.0.1:6250/",
    "nats://user:pass@127.0.0.1:6250",
    "nats://user:p%40ss%2C%2F@127.0.0.1:6250",
    "nats://[::1]:6250",
  ])("%s is a route", (route) =>
    expect(refusalOf({ ...LOOPBACK, clusterPort: 6260, routes: [route] })).toBeNull(),
  );

  test.each([
    "127.0.0.1:6250",
    "tls://127.0.0.1:6250",
    "http://127.0.0.1:6250",
    "nats://127.0.0.1",
    "nats://127.0.0.1:0",
    "nats://127.0.0.1:99999",
    "nats://:6250",
    "nats:127.0.0.1:6250",
    "nats://::1:6250",
    "nats://127.0.0.1:6250/path",
    "nats://127.0.0.1:6250?x=1",
    "nats://127.0.0.1:6250#x",
    "nats://user:hunter2",
    "nats://user:hunter2/x@127.0.0.1:6250",
    "user:hunter2@127.0.0.1:6250",
  ])("%s is no route, and the refusal shows nothing of it", (route) => {
    const detail = refusalOf({ ...LOOPBACK, routes: ["nats://127.0.0.1:6251", route] });
    expect(detail).toContain("route 2 of --routes");
    expect(detail).not.toContain("hunter2");
  });
});
