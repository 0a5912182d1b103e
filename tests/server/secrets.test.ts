import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { createUser } from "@nats-io/nkeys";
import { unibusCommand } from "../harness/command.ts";
import { eventually } from "../harness/eventually.ts";
import { connectLine, loginRaw, openRaw, type RawNats, testKey } from "../harness/raw-nats.ts";
import type { Ran } from "../harness/run-process.ts";
import { filesOf, findSecrets, processesBelow, type Searched } from "../harness/secrets.ts";
import { type RunningUnibus, run, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const word = (): string => `planted-${randomBytes(12).toString("hex")}`;
const seedOf = (): string => new TextDecoder().decode(createUser().getSeed());
/** What people give away by mistake, each by another door. */
const secret = {
  clusterPass: word(),
  password: word(),
  token: word(),
  jwt: word(),
  protocol: word(),
  bearer: word(),
  cookie: word(),
  query: word(),
  url: word(),
  file: word(),
  seedAsUser: seedOf(),
  seedAsName: seedOf(),
  seedAsKey: seedOf(),
} as const;
const planted = Object.values(secret);
/** In the environment that the node was started with, where only its owner can read it. */
const control = word();

/** Where this machine's nats-server lies; the node under test has another home. */
const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
/** The name of the node's own process. */
const own = basename(unibusCommand()[0] ?? "");

/** Clients that offer what is no key of this bus, and one that is in order. */
async function connectAll(bus: RunningUnibus, member: ReturnType<typeof testKey>): Promise<void> {
  const port = bus.natsPort;
  const offers = [
    { user: "ada", pass: secret.password },
    { auth_token: secret.token },
    { jwt: secret.jwt, sig: secret.jwt },
    { nkey: secret.seedAsKey, sig: "AAAA" },
    { name: "both", user: "ada", pass: secret.password, nkey: member.user },
  ];
  const lines = [
    ...offers.map((offer) => `CONNECT ${JSON.stringify(offer)}\r\nPING\r\n`),
    `CONNECT {"pass":"${secret.protocol}\r\n`,
    `${secret.protocol}\r\n`,
    `PUB ${secret.protocol}\r\n`,
  ];
  for (const line of lines) {
    using client = await openRaw(port);
    client.send(line);
    await gone(client);
  }
  using client = await loginRaw(port, member);
  client.send(`CONNECT {"pass":"${secret.protocol}\r\n`);
  await gone(client);
  using late = await openRaw(port);
  late.send(connectLine(member, late.info.nonce ?? "", { pass: secret.password }));
  await gone(late);
}

async function gone(client: RawNats): Promise<void> {
  while (await client.drain());
  expect(client.closed).toBeTrue();
}

/** Requests with credentials that this API does not take, over the network and at the socket. */
async function askAll(bus: RunningUnibus, user: string): Promise<void> {
  const headers = {
    authorization: `Bearer ${secret.bearer}`,
    cookie: `session=${secret.cookie}`,
    "x-token": secret.token,
  };
  const { seedAsUser, seedAsName, query } = secret;
  const path = `/v1/users/${seedAsUser}?token=${query}`;
  expect((await fetch(`${bus.httpUrl}${path}`, { headers })).status).toBe(401);
  await bus.api("GET", path, undefined, headers);
  const bodies = [
    { user: seedAsUser },
    { user, name: seedAsName },
    { user, seed: seedAsUser },
    seedAsUser,
  ];
  for (const body of bodies) {
    expect((await bus.api("POST", "/v1/users", body, headers)).status).toBeGreaterThanOrEqual(400);
  }
  const room = await bus.api("POST", "/v1/rooms", { name: seedAsName });
  expect(room.status).toBeGreaterThanOrEqual(400);
  expect(await room.text()).not.toContain(seedAsName);
}

/** Commands that are given secrets in the wrong place. */
async function commandAll(bus: RunningUnibus, folder: string): Promise<readonly Ran[]> {
  const { seedAsUser, seedAsName, clusterPass, url, file } = secret;
  const user = testKey().user;
  const passFile = join(folder, "keys", "cluster-pass");
  writeFileSync(passFile, `${file}\n`, { mode: 0o600 });
  const cluster = ["serve", "--cluster-name", "c", "--server-name", "n", "--data-dir", "none"];
  const UNIBUS_CLUSTER_PASS = clusterPass;
  const key = join(folder, "keys", "alice.nk");
  return [
    await run(["key", "new", key]),
    await run(["key", "show", key]),
    await run(["key", "show", passFile]),
    await bus.cli("user", "add", seedAsUser),
    await bus.cli("user", "show", seedAsUser, "--json"),
    await bus.cli("user", "add", user, "--name", seedAsName),
    await bus.cli("room", "create", seedAsName),
    await bus.cli("room", "show", seedAsUser),
    await bus.cli("user", "list", seedAsUser),
    await run([...cluster, "--cluster-user", "u"], { cwd: folder, env: { UNIBUS_CLUSTER_PASS } }),
    await run(["serve"], { cwd: folder, env: { UNIBUS_CLUSTER_PASS } }),
    await run([...cluster, "--cluster-user", "u", "--cluster-pass", clusterPass], { cwd: folder }),
    await run([...cluster, "--cluster-user", "u", "--cluster-pass-file", passFile], {
      cwd: folder,
    }),
    await run([...cluster, "--routes", `nats://u:${url}@10.0.0.2:6250`], { cwd: folder }),
    await run(["serve", "--nats-url", `ws://u:${url}@10.0.0.2`], { cwd: folder }),
    await run(["serve", "--nats-url", `nats://u:${url}@h`, "--bus-auth", "enforce"], {
      cwd: folder,
    }),
    await run(["serve", "--bus-auth", clusterPass.replace("planted", `nats://u:${url}@h`)], {
      cwd: folder,
    }),
  ];
}

function wordsOf(ran: readonly Ran[]): readonly Searched[] {
  return ran.map(({ stdout, stderr, code }, at) => ({
    where: `command ${at} (exit ${code})`,
    content: stdout + stderr,
  }));
}

describe("secrets", () => {
  test("stand in no argument, environment, log, answer or file but key files, and the search would find them [G-04, M-060]", async () => {
    using folder = temporaryFolder();
    const home = join(folder.path, "home");
    mkdirSync(join(home, "keys"), { recursive: true });
    const dataDir = join(home, "data");
    const env = { HOME: home, TMPDIR: home, XDG_CACHE_HOME: cache, CONTROL: control };
    const bus = await startUnibus({ dataDir, command: "up", env });
    await using _ = bus;
    // The first admin's key is made last.
    await eventually(() => existsSync(join(dataDir, "keys/admin.nk")));
    const member = testKey();
    await bus.ask("POST", "/v1/users", { user: member.user });
    const { room } = await bus.ask<{ room: string }>("POST", "/v1/rooms", { name: "ops" });
    await bus.ask("PUT", `/v1/rooms/${room}/members/${member.user}`, { role: "member" });

    await connectAll(bus, member);
    await askAll(bus, testKey().user);
    const ran = await commandAll(bus, home);
    const running = processesBelow(bus.pid);
    const files = filesOf(home);
    await bus.end();
    const log = { where: "log", content: JSON.stringify(bus.log) };
    const places = [...running, log, ...wordsOf(ran), ...files, ...filesOf(home)];
    expect(findSecrets(places, planted)).toEqual([]);

    // The search sees what it says it sees.
    expect(bus.log.some((line) => line.event === "login.refused")).toBeTrue();
    expect(ran.map(({ code }) => code)).toEqual([
      0, 0, 3, 3, 3, 1, 1, 3, 2, 3, 3, 3, 3, 3, 3, 3, 2,
    ]);
    expect(
      ran.filter(({ stderr }) => stderr.includes("--routes names no other node")),
    ).toHaveLength(3);
    expect(files.map(({ where }) => where)).toContain("data/unibus.db-wal");
    expect(findSecrets(running, [control])).toEqual([`environ of ${own}`]);
    expect(findSecrets(running, ["--data-dir"])).toEqual([`cmdline of ${own}`]);
    expect(findSecrets([log], [member.user])).toEqual(["log"]);
    expect([...findSecrets(files, [member.user])].sort()).toEqual([
      "data/unibus.db-room",
      "data/unibus.db-wal",
    ]);
    writeFileSync(join(home, "control"), `x${secret.seedAsUser}`);
    writeFileSync(join(home, "word"), secret.password);
    expect([...findSecrets(filesOf(home), planted)].sort()).toEqual(["control", "word"]);
  });

  test("do not reach nats-server: its environment is empty, and its arguments name files only [G-04]", async () => {
    await using bus = await startUnibus({ env: { CONTROL: control } });
    const server = processesBelow(bus.pid).filter(({ where }) => where.endsWith("nats-server"));
    expect(server.map(({ where }) => where)).toEqual([
      "cmdline of nats-server",
      "environ of nats-server",
    ]);
    const [cmdline, environ] = server.map(({ content }) => content);
    expect(environ).toBe("");
    expect(cmdline?.split("\0").slice(1)).toEqual(["-c", "/proc/self/fd/0", ""]);
  });
});
