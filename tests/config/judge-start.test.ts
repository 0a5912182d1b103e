import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { factsOf, findSurroundings, judgeStart } from "../../src/config/judge-start.ts";
import { type Environment, type Flags, loadNodeSettings } from "../../src/config/load.ts";
import { MODE_FILE } from "../../src/core/node-files.ts";
import { Problem } from "../../src/core/problems.ts";
import { writeCertificates } from "../harness/certificates.ts";
import { temporaryFolder } from "../harness/unibus.ts";

async function judge(flags: Flags, env: Environment = {}) {
  const settings = loadNodeSettings(flags, env);
  return judgeStart(settings, await findSurroundings(settings, env), Date.now());
}

async function refusedWith(flags: Flags, env: Environment = {}): Promise<string> {
  try {
    await judge(flags, env);
  } catch (error) {
    if (error instanceof Problem) return `${error.code}: ${error.detail}`;
    throw error;
  }
  throw new Error("nothing was refused");
}

test("the defaults start, and judging writes nothing [M-040, M-043, M-048]", async () => {
  using folder = temporaryFolder();
  const material = await judge({ "data-dir": join(folder.path, "data") });
  expect(material).toEqual({
    tls: null,
    routeTls: null,
    externalNats: null,
    clusterPass: "",
  });
  expect(readdirSync(folder.path)).toEqual([]);
});

test("this machine's localhost is judged by what it resolves to [G-07]", async () => {
  const settings = loadNodeSettings({ bind: "localhost" }, {});
  const { resolved } = await findSurroundings(settings, {});
  expect(resolved.length).toBeGreaterThan(0);
  expect((await findSurroundings(loadNodeSettings({}, {}), {})).resolved).toEqual([]);
});

describe("the mode last run is read beside the database [G-11]", () => {
  test("a folder that ran enforce refuses the silent default and takes a written one", async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, MODE_FILE), "enforce\n");
    const flags = { "data-dir": folder.path };
    expect(await refusedWith(flags)).toContain("boot-refused: Cannot start: this folder last ran");
    expect((await judge({ ...flags, "bus-auth": "off" })).tls).toBeNull();
    expect((await judge(flags, { UNIBUS_BUS_AUTH: "off" })).tls).toBeNull();
  });

  test("the folder of --db decides, not that of --data-dir", async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, MODE_FILE), "enforce\n");
    expect(await refusedWith({ db: join(folder.path, "x.db") })).toContain("last ran");
  });

  test("a mode file that cannot be read counts as enforce", async () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, MODE_FILE));
    expect(await refusedWith({ "data-dir": folder.path })).toContain("last ran");
  });
});

test.each(["0", "false"])("verification that %j turns off is seen", (value) => {
  const settings = loadNodeSettings({}, {});
  const around = { lastMode: null, resolved: [] };
  const facts = factsOf(settings, { ...around, env: { NODE_TLS_REJECT_UNAUTHORIZED: value } });
  expect(facts.verificationOff).toBe(true);
  const plain = factsOf(settings, { ...around, env: { NODE_TLS_REJECT_UNAUTHORIZED: "1" } });
  expect(plain.verificationOff).toBe(false);
});

describe("files are judged after the policies and before anything is opened [M-040, M-050]", () => {
  test("a policy speaks first", async () =>
    expect(await refusedWith({ "tls-cert": "none", "tls-key": "none" })).toContain("boot-refused"));

  test("then the certificate", async () =>
    expect(
      await refusedWith({ "tls-cert": "none", "tls-key": "none", "bus-auth": "enforce" }),
    ).toContain("tls-unusable: Cannot load NATS TLS"));

  test("then a route's certificate and the password's file", async () => {
    using folder = temporaryFolder();
    const files = await writeCertificates(folder.path);
    const secret = join(folder.path, "secret");
    const cluster = { "cluster-name": "bus", "server-name": "a", "cluster-user": "route" };
    const routes = "nats://127.0.0.1:6251";
    const flags = { ...cluster, routes, "cluster-pass-file": secret };
    const tls = { "route-tls-cert": files.cert, "route-tls-key": files.key };
    expect(await refusedWith({ ...flags, ...tls, "route-tls-ca": files.cert })).toContain(
      "tls-unusable: Cannot load route TLS",
    );
    expect(await refusedWith({ ...flags, ...tls, "route-tls-ca": files.ca })).toContain(
      "boot-refused: Cannot read the password of --cluster-pass-file",
    );
    writeFileSync(secret, "hunter2\n", { mode: 0o600 });
    const material = await judge({ ...flags, ...tls, "route-tls-ca": files.ca });
    expect(material.clusterPass).toBe("hunter2");
    expect(material.routeTls?.names).toContain("localhost");
    const { "cluster-pass-file": _, ...open } = flags;
    const variable = { UNIBUS_CLUSTER_PASS: "hunter2" };
    expect((await judge(open, variable)).clusterPass).toBe("hunter2");
    writeFileSync(secret, "$2a$10$hunter2\n", { mode: 0o600 });
    const refused = await refusedWith(flags);
    expect(refused).toContain("cluster-refused: Cannot start: the password of the routes looks");
    expect(refused).not.toContain("hunter2");
  });

  test("a good pair is handed on", async () => {
    using folder = temporaryFolder();
    const files = await writeCertificates(folder.path);
    const flags = { "tls-cert": files.cert, "tls-key": files.key, "bus-auth": "enforce" };
    expect((await judge({ ...flags, bind: "0.0.0.0" })).tls?.names).toContain("localhost");
  });
});
