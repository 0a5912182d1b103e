import { expect, test } from "bun:test";
import { join } from "node:path";
import { natsConfig } from "../../src/core/nats-config.ts";
import { findNatsServer } from "../../src/nats/find-server.ts";
import { writeCertificates } from "../harness/certificates.ts";
import { expectGolden } from "../harness/golden.ts";
import { GOLDEN_CLUSTER, GOLDEN_SETTINGS } from "../harness/nats-config.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const TLS = { certFile: "/tls/server.crt", keyFile: "/tls/server.key" };

/** Lets nats-server judge a configuration, without starting anything. */
async function judge(config: unknown): Promise<string> {
  const { path } = await findNatsServer({ env: process.env });
  const child = Bun.spawn([path, "-t", "-c", "/dev/stdin"], {
    stdin: new Blob([JSON.stringify(config)]),
    stdout: "ignore",
    stderr: "pipe",
    env: {},
  });
  const told = await new Response(child.stderr).text();
  return (await child.exited) === 0 ? "accepted" : told;
}

// One configuration for every mode: what differs is what the callout answers.
test.each(["off", "soft", "enforce"])(
  "the configuration under %s is that of the golden file, and nats-server takes it [G-13]",
  async (mode) => {
    const config = natsConfig(GOLDEN_SETTINGS);
    // Key by key in the order of the running server's, so that both tests read one file.
    const { jetstream, ...rest } = config;
    expectGolden(`nats-config-${mode}.json`, { ...rest, jetstream });
    expect(await judge(config)).toBe("accepted");
  },
);

test("with TLS both planes have the same certificate, from TLS 1.2 on, for clients that ask first or later [M-072]", async () => {
  const settings = { ...GOLDEN_SETTINGS, tls: TLS };
  expectGolden("nats-config-tls.json", natsConfig(settings));
  using folder = temporaryFolder();
  const { cert, key } = await writeCertificates(join(folder.path, "tls"));
  const tls = { certFile: cert, keyFile: key };
  expect(await judge(natsConfig({ ...settings, tls }))).toBe("accepted");
});

test("in a cluster it has routes with a secret and mutual TLS, and one key more for the journal [M-030, M-090, M-091, M-092, M-094]", async () => {
  expectGolden("nats-config-cluster.json", natsConfig(GOLDEN_CLUSTER));
  using folder = temporaryFolder();
  const { cert, key, ca } = await writeCertificates(join(folder.path, "tls"));
  const tls = { certFile: cert, keyFile: key, caFile: ca };
  const cluster = { ...GOLDEN_CLUSTER.cluster, tls };
  expect(await judge(natsConfig({ ...GOLDEN_CLUSTER, cluster }))).toBe("accepted");
});

test("on loopback a cluster may have neither secret nor TLS [M-047]", async () => {
  const cluster = { ...GOLDEN_CLUSTER.cluster, secret: null, tls: null };
  const config = natsConfig({ ...GOLDEN_CLUSTER, cluster });
  expect(await judge(config)).toBe("accepted");
  expect(Object.keys(Object(config.cluster)).sort()).toEqual([
    "compression",
    "host",
    "name",
    "no_advertise",
    "pool_size",
    "port",
    "routes",
    "write_deadline",
  ]);
});

test("a node on its own has no route listener, and nobody enters the journal's account [M-030, M-094, M-119]", () => {
  const config = natsConfig(GOLDEN_SETTINGS);
  expect(config).not.toHaveProperty("cluster");
  expect(config).toHaveProperty("accounts.CTRL", { jetstream: "enabled" });
});

test("what nats-server would not take is told, so that the judge above is known to judge", async () => {
  expect(await judge({ ...natsConfig(GOLDEN_SETTINGS), frob: 1 })).toContain("frob");
});

test("no monitoring port, no anonymous user, no answers beyond the rights: nothing opens a side door [G-14, G-15]", () => {
  const text = JSON.stringify(natsConfig({ ...GOLDEN_SETTINGS, tls: TLS }));
  for (const word of ["http", "monitor", "no_auth_user", "allow_responses", "resp", "leaf"]) {
    expect(text).not.toContain(word);
  }
  for (const word of ["websocket", "mqtt", "gateway", "password", "token", "debug", "trace"]) {
    expect(text).not.toContain(word);
  }
  const { cluster, ...clustered } = natsConfig({ ...GOLDEN_CLUSTER, tls: TLS });
  expect(cluster).toHaveProperty("authorization.password");
  for (const word of ["http", "no_auth_user", "allow_responses", "resp", "leaf", "password"]) {
    expect(JSON.stringify(clustered)).not.toContain(word);
  }
});
