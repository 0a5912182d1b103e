// Tries src/core/nats-config.ts and src/server/cluster.ts: what a node tells and believes when it dials.
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer as createPlainServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import type { Health } from "../../src/contract/health.ts";
import type { RouteTlsFiles } from "../harness/cluster.ts";
import { eventually } from "../harness/eventually.ts";
import { freePorts } from "../harness/free-ports.ts";
import { openPort } from "../harness/loopback.ts";
import { createRouteCa } from "../harness/route-tls.ts";
import { type RunningUnibus, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const bus = await createRouteCa(join(folder.path, "bus"));
const foreign = await createRouteCa(join(folder.path, "foreign"));

const PASSWORD = "a password of routes";
const TIMES = 3;
/** What a server says first on a route. */
const INFO = `INFO ${JSON.stringify({
  ...{ server_id: "IMPOSTOR", server_name: "impostor", cluster: "bus", version: "2.15.0" },
  ...{ proto: 1, headers: true, auth_required: true, max_payload: 1_048_576 },
})}\r\n`;

/** Somebody who listens where a node expects another one, and keeps what is said to him. */
async function openImpostor(tls: RouteTlsFiles | null) {
  let heard = "";
  let calls = 0;
  const take = (socket: Socket): void => {
    calls++;
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
    });
    socket.on("error", () => socket.destroy());
    socket.write(INFO);
  };
  const server: Server = tls
    ? createTlsServer(
        { cert: readFileSync(tls.cert), key: readFileSync(tls.key), requestCert: false },
        take,
      )
    : createPlainServer(take);
  let refused = 0;
  server.on("tlsClientError", (_error, socket: Socket) => {
    refused++;
    socket.destroy();
  });
  const port = await openPort(server);
  return {
    port,
    heard: () => heard,
    calls: () => calls,
    refused: () => refused,
    [Symbol.dispose]: () => void server.close(),
  };
}

/** A node that has a secret and mutual TLS, and dials one other. */
async function startDialling(port: number): Promise<RunningUnibus> {
  const tls = await bus.issue("node");
  const pass = join(folder.path, "pass");
  writeFileSync(pass, PASSWORD, { mode: 0o600 });
  const [own = 0] = await freePorts(1);
  return await startUnibus({
    args: [
      ...["--cluster-name", "bus", "--server-name", "n1", "--cluster-port", `${own}`],
      ...["--routes", `nats://127.0.0.1:${port}`],
      ...["--cluster-user", "route", "--cluster-pass-file", pass],
      ...["--route-tls-cert", tls.cert, "--route-tls-key", tls.key, "--route-tls-ca", tls.ca],
    ],
    awaits: "node.alive",
  });
}

async function routesOf(unibus: RunningUnibus): Promise<string> {
  const { parts } = await unibus.ask<Health>("GET", "/healthz");
  return parts.find(({ part }) => part === "routes")?.detail ?? "";
}

describe("a node that dials tells the secret of the routes", () => {
  test("to whoever shows a certificate of the bus CA, so that what follows is known to be of the certificate [M-091]", async () => {
    using impostor = await openImpostor(await bus.issue("other"));
    await using _ = await startDialling(impostor.port);
    await eventually(() => impostor.heard().includes(PASSWORD), { timeoutMs: 15_000 });
  });

  test("to nobody with a certificate of another CA, and says why there is no route [M-038, M-092, M-110, M-116]", async () => {
    using impostor = await openImpostor({ ...(await foreign.issue("other")), ca: bus.ca });
    await using unibus = await startDialling(impostor.port);
    const failed = () =>
      unibus.log.filter(
        ({ event, message }) => event === "route.failed" && /unknown authority/.test(message),
      );
    await eventually(() => failed().length >= TIMES, { timeoutMs: 15_000 });
    expect(impostor.heard()).toBe("");
    expect(await routesOf(unibus)).toBe("routes to 0 of 1 other nodes");
    expect((await fetch(`${unibus.httpUrl}/healthz`)).status).toBe(200);
  });

  test("to nobody without TLS, whatever he says first [M-036, M-037, M-092]", async () => {
    using impostor = await openImpostor(null);
    await using unibus = await startDialling(impostor.port);
    await eventually(() => impostor.calls() >= TIMES, { timeoutMs: 15_000 });
    await eventually(() => impostor.heard().length > 0);
    expect(impostor.heard()).not.toContain("CONNECT");
    expect(impostor.heard()).not.toContain(PASSWORD);
    expect(await routesOf(unibus)).toBe("routes to 0 of 1 other nodes");
  });
});

test("two nodes that were given one name get no route to each other, and are told why; the log says that neither secret nor TLS guards them [M-031, M-060]", async () => {
  const [one = 0, other = 0] = await freePorts(2);
  const start = (own: number, peer: number): Promise<RunningUnibus> =>
    startUnibus({
      args: [
        ...["--cluster-name", "bus", "--server-name", "n1", "--cluster-port", `${own}`],
        ...["--routes", `nats://127.0.0.1:${peer}`],
      ],
      awaits: "node.alive",
    });
  await using first = await start(one, other);
  await using second = await start(other, one);
  for (const { log } of [first, second]) {
    const lines = () => log.map(({ message }) => message);
    expect(lines()).toContain("cluster route TLS: OFF (only this machine is reached)");
    expect(lines()).toContain("cluster route secret: NONE (whoever is on this machine can join)");
  }
  await eventually(
    () =>
      [first, second].some(({ log }) =>
        log.some(({ event, message }) => event === "route.failed" && /duplicate/.test(message)),
      ),
    { timeoutMs: 15_000, what: "the log to tell of the name" },
  );
  for (const unibus of [first, second]) {
    expect(await routesOf(unibus)).toBe("routes to 0 of 1 other nodes");
    expect((await fetch(`${unibus.httpUrl}/readyz`)).status).toBe(503);
  }
}, 60_000);
