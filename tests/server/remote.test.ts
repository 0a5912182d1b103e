import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { KeyFile } from "../harness/another-machine.ts";
import { unibusCommand } from "../harness/command.ts";
import { type Elsewhere, type Person, startElsewhere } from "../harness/elsewhere.ts";
import { eventually } from "../harness/eventually.ts";
import { filesOf, findSecrets, processesBelow } from "../harness/secrets.ts";
import { cleanEnvironment, run, temporaryFolder } from "../harness/unibus.ts";

// A second data folder stands for another machine: what it knows of the node came to it over TLS, or,
// in the modes that TLS does not go with, over loopback as through a tunnel.

const folder = temporaryFolder();
const tls = join(folder.path, "tls");

const MODES = ["enforce", "soft", "off"] as const;
type Mode = (typeof MODES)[number];
const places = new Map<Mode, Place>();

/** A node in one mode, and its first admin on another machine. */
interface Place {
  readonly elsewhere: Elsewhere;
  readonly root: Person;
}

beforeAll(async () => {
  expect((await run(["cert", "dev", "--dir", tls])).code).toBe(0);
  for (const mode of MODES) {
    const elsewhere = await startElsewhere(mode === "enforce" ? tls : null, "--bus-auth", mode);
    const root = elsewhere.stranger();
    places.set(mode, { elsewhere, root });
    const { code } = await elsewhere.node.cli("user", "seed", root.key.user, "--name", "root");
    expect(code).toBe(0);
    await root.must("login", ...elsewhere.way, "--key", root.key.path);
  }
}, 30_000);
afterAll(async () => {
  for (const { elsewhere } of places.values()) await elsewhere[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function placeOf(mode: Mode): Place {
  const place = places.get(mode);
  if (!place) throw new Error(`No node runs in mode ${mode}`);
  return place;
}

describe.each(MODES)("from another machine, in mode %s", (mode) => {
  test("the seeded admin admits a user, who makes a room and adds others to it [M-011]", async () => {
    const { elsewhere, root } = placeOf(mode);
    const ada = elsewhere.stranger();
    const login = ["login", ...elsewhere.way, "--key", ada.key.path];
    expect(await ada.refused(...login)).toBe("user-unknown");
    await root.must("user", "add", ada.key.user, "--name", "ada");
    await ada.must(...login);
    const room = await ada.must("room", "create", "ops");
    expect(room).toMatchObject({ createdBy: ada.key.user, members: 1 });
    expect((await ada.must("room", "add", "ops", "root")).state).toBe("pending");
    expect((await root.must("room", "accept", "ops")).state).toBe("active");
    expect((await ada.must("room", "show", "ops")).memberList).toHaveLength(2);
    expect((await ada.must("room", "create", "board", "--encrypted")).content).toBe("encrypted");
  });

  test("a newcomer joins by an invite, which nobody else can use then", async () => {
    const { elsewhere, root } = placeOf(mode);
    await root.must("room", "create", "news");
    const invite = await root.must("invite", "create", "--room", "news:reader");
    const carol = elsewhere.stranger();
    const file = join(carol.machine.path, "invite");
    writeFileSync(file, invite.secret, { mode: 0o600 });
    const words = ["--invite-file", file, "--key", "carol.nk", "--name", "carol"];
    const joined = await carol.must("join", ...elsewhere.way, ...words);
    const who = await carol.must("whoami");
    expect(who.user).toMatchObject({ user: joined.user, name: "carol", role: "member" });
    expect(who.rooms).toMatchObject([{ name: "news", role: "reader", state: "active" }]);
    const thief = elsewhere.stranger();
    const stolen = ["--invite-file", file, "--key", thief.key.path];
    expect(await thief.refused("join", ...elsewhere.way, ...stolen)).toBe("invite-redeemed");
  });

  test("a token acts for its user, for one room, until it is revoked", async () => {
    const { elsewhere } = placeOf(mode);
    const dave = await elsewhere.person("dave");
    const own = await dave.must("room", "create", "own");
    const other = await dave.must("room", "create", "other");
    const made = await dave.must("token", "create", "--scope", "write", "--room", "own");
    const ask = async ({ room }: { readonly room: string }) =>
      (await elsewhere.get(`/v1/rooms/${room}`, `Bearer ${made.secret}`)).status;
    expect([await ask(own), await ask(other)]).toEqual([200, 404]);
    await dave.must("token", "revoke", made.token);
    expect(await ask(own)).toBe(mode === "enforce" ? 401 : 404);
  });

  test("whoever is revoked by an admin is out of both planes [M-013]", async () => {
    const { elsewhere, root } = placeOf(mode);
    const eve = await elsewhere.person("eve");
    await eve.must("room", "create", "hers");
    const nats = await connectNats(elsewhere, eve.key);
    await root.must("user", "revoke", "eve");
    // In off the data plane asks nobody who they are.
    if (mode === "off") await nats.close();
    else await eventually(() => nats.isClosed(), { what: "the connection to be closed" });
    expect(await eve.refused("room", "create", "late")).toBe("identity-revoked");
    expect(await root.refused("room", "show", "hers")).toBe("done");
    expect(await root.refused("room", "show", "late")).toBe("room-not-found");
  });
});

function connectNats(elsewhere: Elsewhere, key: KeyFile): Promise<NatsConnection> {
  return connect({
    servers: `localhost:${elsewhere.node.natsPort}`,
    ...(elsewhere.ca === null ? {} : { tls: { caFile: elsewhere.ca } }),
    authenticator: (nonce) => ({
      nkey: key.user,
      sig: key.sign(nonce ?? "").toString("base64url"),
    }),
    reconnect: false,
  });
}

test("no secret of theirs is in an argument, an environment, an answer's log or a file of others", async () => {
  await using elsewhere = await startElsewhere(tls);
  const boss = await elsewhere.person("boss", "admin");
  const tokenFile = join(boss.machine.path, "boss.token");
  await boss.must("token", "create", "--out", tokenFile);
  const invite = await boss.must("invite", "create");
  const bob = elsewhere.stranger();
  const secrets = [
    boss.key.seed,
    bob.key.seed,
    invite.secret.slice(-43),
    readFileSync(tokenFile, "utf8").trim().slice(-43),
  ];

  // While it waits for the invite on its standard input, everybody may look at its arguments.
  const { machine, key } = bob;
  const words = ["join", ...elsewhere.way, "--invite-file", "-", "--key", key.path];
  const child = Bun.spawn([...unibusCommand(), ...words, "--data-dir", machine.dataDir], {
    env: cleanEnvironment(),
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  await eventually(() => readFileSync(`/proc/${child.pid}/cmdline`, "utf8").includes("join"));
  expect(findSecrets(processesBelow(child.pid), secrets)).toEqual([]);
  child.stdin.write(invite.secret);
  await child.stdin.end();
  const said = await new Response(child.stdout).text();
  expect([await child.exited, said.includes(key.user)]).toEqual([0, true]);

  expect(findSecrets(processesBelow(elsewhere.node.pid), secrets)).toEqual([]);
  expect(findSecrets(filesOf(elsewhere.node.dataDir), secrets)).toEqual([]);
  const log = { where: "log", content: JSON.stringify(elsewhere.node.log) };
  expect(findSecrets([log, { where: "stdout", content: said }], secrets)).toEqual([]);
  for (const { machine: one } of [boss, bob]) {
    const holding = findSecrets(filesOf(one.path), secrets);
    expect(holding.filter((name) => !/^(me\.nk|boss\.token)$/.test(name))).toEqual([]);
    const open = filesOf(one.path).filter(
      ({ where }) => (lstatSync(join(one.path, where)).mode & 0o077) !== 0,
    );
    expect(open).toEqual([]);
  }
});
