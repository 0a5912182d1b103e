import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { type Cluster, startCluster, untilRoutes } from "../harness/cluster.ts";
import { count, proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { freePorts } from "../harness/free-ports.ts";
import { type IntruderOptions, startIntruder } from "../harness/intruder.ts";
import { connectLine, openRaw, testKey } from "../harness/raw-nats.ts";
import { createRouteCa, type RouteCa } from "../harness/route-tls.ts";
import { startUnibus, temporaryFolder } from "../harness/unibus.ts";

const DAY_MS = 24 * 3_600_000;
const PASSWORD = "the right one";
const LOGIN = `route:${encodeURIComponent(PASSWORD)}`;
const HANDSHAKES = count("refused-routes");
const CASE_TIMEOUT_MS = 180_000;

const folder = temporaryFolder();
let bus: RouteCa;
let foreign: RouteCa;
let cluster: Cluster;

beforeAll(async () => {
  bus = await createRouteCa(join(folder.path, "bus"));
  foreign = await createRouteCa(join(folder.path, "foreign"));
  cluster = await startCluster({ mode: "off", password: PASSWORD, tls: await bus.issue("node") });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const handshakes = (says: RegExp): number =>
  cluster.nodes.reduce(
    (sum, { unibus }) =>
      sum +
      unibus.log.filter((line) => line.event === "route.failed" && says.test(line.message)).length,
    0,
  );

/** Dials every node with bare servers until the nodes' logs tell of so many handshakes. */
async function expectNoRoute(
  title: string,
  intruder: Pick<IntruderOptions, "login" | "tls" | "clusterName">,
  says: RegExp,
): Promise<void> {
  const before = handshakes(says);
  const targets = cluster.nodes.map(({ routePort }) => routePort);
  await using stack = new AsyncDisposableStack();
  const intruders = await Promise.all(
    Array.from({ length: proving ? 8 : 3 }, () => startIntruder({ ...intruder, targets })),
  );
  for (const one of intruders) stack.use(one);
  await eventually(() => handshakes(says) - before >= HANDSHAKES, {
    timeoutMs: CASE_TIMEOUT_MS,
    everyMs: 50,
    what: `${HANDSHAKES} handshakes`,
  });
  const routes = await Promise.all(intruders.map((one) => one.routes()));
  expect(routes).toEqual(intruders.map(() => 0));
  for (const node of cluster.nodes) {
    const others = cluster.nodes.filter((other) => other !== node);
    await untilRoutes(
      node,
      others.map(({ name }) => name),
    );
  }
  recordProof(`routes refused: ${title}`, { handshakes: handshakes(says) - before, routes: 0 });
}

describe("a bare nats-server that is no node of the bus gets no route", () => {
  test(
    "TestClusterRejectsBadRouteAuth: with a wrong password, or a wrong user [M-034, M-035, M-091, M-110, M-115]",
    async () => {
      const tls = await bus.issue("impostor");
      await expectNoRoute("wrong password", { login: "route:wrong", tls }, /authentication error/);
      await expectNoRoute(
        "wrong user",
        { login: `other:${encodeURIComponent(PASSWORD)}`, tls },
        /authentication/,
      );
    },
    2 * CASE_TIMEOUT_MS,
  );

  test(
    "TestClusterRejectsUnsignedNode: with a certificate of another CA [M-038, M-092, M-116]",
    async () => {
      const tls = { ...(await foreign.issue("node")), ca: bus.ca };
      await expectNoRoute("foreign CA", { login: LOGIN, tls }, /unknown authority/);
    },
    CASE_TIMEOUT_MS,
  );

  test(
    "with all files and the secret of a node that was removed: of the CA and the secret before [M-116]",
    async () =>
      expectNoRoute(
        "removed node",
        { login: "route:the%20one%20before", tls: await foreign.issue("removed") },
        /unknown authority|bad certificate/,
      ),
    CASE_TIMEOUT_MS,
  );

  test(
    "with a certificate of this bus that has expired [M-092, M-110]",
    async () => {
      const now = Date.now();
      const tls = await bus.issue("old", { from: now - 2 * DAY_MS, to: now - DAY_MS });
      await expectNoRoute("expired certificate", { login: LOGIN, tls }, /has expired/);
    },
    CASE_TIMEOUT_MS,
  );

  test(
    "with no certificate [M-092, M-110]",
    () =>
      expectNoRoute(
        "no certificate",
        { login: LOGIN, tls: null },
        /does not look like a TLS handshake/,
      ),
    CASE_TIMEOUT_MS,
  );

  test(
    "with everything right but the cluster's name [M-030]",
    async () =>
      expectNoRoute(
        "other cluster",
        { login: LOGIN, tls: await bus.issue("stray"), clusterName: "another" },
        /cluster name/,
      ),
    CASE_TIMEOUT_MS,
  );
});

test("the same server gets routes when all is right, so that the refusals above are known to be of what is wrong", async () => {
  const targets = cluster.nodes.map(({ routePort }) => routePort);
  await using guest = await startIntruder({ targets, login: LOGIN, tls: await bus.issue("guest") });
  await eventually(async () => (await guest.routes()) > 0, { timeoutMs: 30_000 });
});

test(
  "who speaks TLS and shows no certificate is sent away before a word [M-092]",
  async () => {
    const says = /didn't provide a certificate/;
    const before = handshakes(says);
    // More than are counted: the log tells twenty of a node in a second.
    for (let number = 0; handshakes(says) - before < HANDSHAKES; number++) {
      const port = cluster.node(number % 3).routePort;
      const ended = Promise.withResolvers<void>();
      let said = "";
      const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
      socket.on("data", (chunk) => {
        said += chunk;
      });
      socket.once("error", () => ended.resolve());
      socket.once("close", () => ended.resolve());
      await ended.promise;
      expect(said).toBe("");
    }
    recordProof("routes refused: TLS without a certificate", { handshakes: HANDSHAKES });
  },
  CASE_TIMEOUT_MS,
);

test("a client's key opens no route [M-093]", async () => {
  const open = await startCluster({ nodes: 2, mode: "enforce", password: PASSWORD });
  await using _ = open;
  const key = testKey();
  const route = await openRaw(open.node(0).routePort);
  using __ = route;
  route.send(connectLine(key, route.info.nonce ?? "", { name: "x", cluster: "bus" }));
  await eventually(() => route.closed, { timeoutMs: 20_000 });
  expect(route.errors.join()).toContain("Authorization Violation");
  await untilRoutes(open.node(0), ["n2"]);
});

test("a node whose route port is taken says which flag to change [M-032, M-090]", async () => {
  const [port = 0] = await freePorts(1);
  using holder = Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
  const words = ["--cluster-name", "bus", "--server-name", "a", "--cluster-port", `${holder.port}`];
  const started = startUnibus({
    args: [...words, "--routes", "nats://127.0.0.1:1"],
    awaits: "node.alive",
  });
  await expect(started).rejects.toThrow("choose another with --cluster-port");
});
