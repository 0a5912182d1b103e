// Covers src/system/safe-folder.ts, peer.ts and files.ts, src/cli/secret-file.ts, src/server/folders.ts.
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { count, proving, recordProof } from "../harness/counts.ts";
import { createPool } from "../harness/pool.ts";
import type { Ran } from "../harness/run-process.ts";
import {
  ATTACKER,
  attackerReads,
  canBeTwo,
  listenAs,
  prepareNames,
  race,
  type Scene,
  setScene,
} from "../harness/two-users.ts";
import { run, temporaryFolder } from "../harness/unibus.ts";

setDefaultTimeout(proving ? 300_000 : 30_000);

type Plant = (scene: Scene) => void;

/** What the victim runs. Answers whether that went the way that the attacker wants it to go. */
type Play = (scene: Scene, plant: Plant) => Promise<boolean>;

interface Attack {
  readonly play: Play;
  readonly plant: Plant;
}

function told(ran: Ran): Ran {
  expect(ran.stderr).not.toContain("internal");
  return ran;
}

/** Whether a secret in a folder is the attacker's to read, or another file of the victim's is changed. */
function isTaken(scene: Scene): boolean {
  return (
    attackerReads(scene.at("drop"), "ubi_\\|SU") ||
    readFileSync(scene.precious, "utf8") !== "precious\n" ||
    existsSync(scene.at("home/inv"))
  );
}

/** A secret is written where the attacker was first. */
const invited: Play = async (scene, plant) => {
  scene.folder(scene.at("drop"), 0o755);
  plant(scene);
  const invite = ["invite", "create", "--data-dir", scene.data, "--out", "drop/sub/inv"];
  told(await scene.run(...invite));
  return isTaken(scene);
};
const keyMade: Play = async (scene, plant) => {
  scene.folder(scene.at("drop"), 0o755);
  plant(scene);
  told(await scene.run("key", "new", "drop/sub/inv"));
  return isTaken(scene);
};

/** A secret is written while the attacker exchanges whatever it may. */
const raced: Play = async (scene, plant) => {
  const folder = scene.folder(scene.at("drop"), 0o755);
  plant(scene);
  using _attacker = race(scene, join(folder, "sub"));
  return await invited({ ...scene, folder: (name) => name }, nothing);
};

/** A command takes what it finds in its data folder for its own. */
const obeyed: Play = async (scene, plant) => {
  plant(scene);
  return told(await scene.run("user", "list", "--data-dir", scene.data)).code === 0;
};

/** A start goes on to look for its nats-server, which is not there: the folder was good enough. */
const started: Play = async (scene, plant) => {
  plant(scene);
  const ports = ["--http-port", "0", "--nats-port", "0"];
  const { stderr } = await scene.run("serve", ...ports, "--data-dir", scene.data);
  return stderr.includes("nats-server of UNIBUS_NATS_SERVER");
};

/** A command speaks to whoever listens at the socket; `after` is what the victim did since. */
const asked =
  (after: Plant): Play =>
  async (scene, plant) => {
    plant(scene);
    await using server = await listenAs(ATTACKER, join(scene.data, "unibus.sock"));
    after(scene);
    const { code } = told(await scene.run("user", "list", "--data-dir", scene.data));
    return code === 0 || server.asked();
  };

/** A command goes to where an older profile of the victim's leads: that machine may be another's by now. */
const wentThere: Play = async (scene, plant) => {
  let requests = 0;
  using old = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json(requests++) });
  const me = scene.folder(scene.at("me"), 0o700);
  const file = scene.at("home/me.nk");
  const { stdout } = await scene.run("key", "new", file);
  const user = stdout.slice(0, stdout.indexOf("\n"));
  const put = (name: string, url: string): void => {
    const parts = { bus: "b", user, ca: null, caFile: null, credential: { kind: "key", file } };
    writeFileSync(join(me, name), JSON.stringify({ ...parts, url, version: 1 }), { mode: 0o600 });
    chownSync(join(me, name), scene.victim, scene.victim);
  };
  put("profile.json", "http://127.0.0.1:9");
  put("old.json", old.url.origin);
  plant(scene);
  told(await scene.run("whoami", "--data-dir", me));
  return requests > 0;
};

/** A folder for secrets, with this mode, where the attacker then does something. */
const drop =
  (mode: number, act: (scene: Scene, file: string) => void): Plant =>
  (scene) => {
    const folder = scene.folder(scene.at("drop/sub"), mode);
    act(scene, join(folder, "inv"));
  };
const justThere = (): void => {};
const withFiles = (_: Scene, file: string): void => prepareNames(file, null);
const withLinks = (scene: Scene, file: string): void => prepareNames(file, scene.precious);

const data =
  (mode: number, ...steps: readonly Plant[]): Plant =>
  (scene) => {
    scene.folder(scene.data, mode);
    for (const step of steps) step(scene);
  };
const words =
  (text: string): Plant =>
  ({ attack }) =>
    attack(text);
/** What was open is closed again. What the attacker left there stays. */
const closed: Plant = (scene) => chmodSync(scene.data, 0o700);
const nothing: Plant = () => {};
const swapDatabase = words("cp bus.db home/data/new; mv -f home/data/new home/data/unibus.db");
const swapMode = words("rm -f home/data/unibus.mode; echo off > home/data/unibus.mode");
/** The data folder is the victim's alone, and the one that it lies in is not. */
const exchanged: Plant = (scene) => {
  scene.folder(scene.at("home"), 0o770);
  scene.attack("mv home/data home/old; mkdir home/data");
};

/** Some of each kind first: the test command tries no more. */
const ATTACKS: Readonly<Record<string, Attack>> = {
  "invite, names prepared with files, 0777": { play: invited, plant: drop(0o777, withFiles) },
  "key, target is a link, 0770": {
    play: keyMade,
    plant: drop(0o770, ({ attack }) => attack("ln -s ../../home/inv drop/sub/inv")),
  },
  "socket, 0770": { play: asked(nothing), plant: data(0o770) },
  "invite, names prepared with links, 1777": { play: invited, plant: drop(0o1777, withLinks) },
  "database swapped, closed since": { play: obeyed, plant: data(0o770, swapDatabase, closed) },
  "mode file swapped, 0770, a start": { play: started, plant: data(0o770, swapMode) },
  "profile swapped, 0770": {
    play: wentThere,
    plant: (scene) => {
      scene.folder(scene.at("me"), 0o770);
      scene.attack("mv me/profile.json me/new; mv me/old.json me/profile.json");
    },
  },
  "invite, names prepared with files, 1777": { play: invited, plant: drop(0o1777, withFiles) },
  "invite, names prepared with files, 0770": { play: invited, plant: drop(0o770, withFiles) },
  "invite, names prepared with links, 0777": { play: invited, plant: drop(0o777, withLinks) },
  "invite, target is a link, 1777": {
    play: invited,
    plant: drop(0o1777, ({ attack }) => attack("ln -s ../../home/inv drop/sub/inv")),
  },
  "invite, target is a hard link, 1777": {
    play: invited,
    plant: drop(0o1777, ({ attack }) => attack("cd drop/sub; : > mine; ln mine inv")),
  },
  "invite, the attacker's folder": {
    play: invited,
    plant: (scene) => {
      scene.folder(scene.at("drop"), 0o1777);
      scene.attack("mkdir drop/sub");
    },
  },
  "invite, the folder above is open": {
    play: invited,
    plant: (scene) => {
      scene.folder(scene.at("drop"), 0o770);
      scene.attack("ln -s ../home drop/sub");
    },
  },
  "key, the folder is a link of the attacker's, 1777": {
    play: keyMade,
    plant: (scene) => {
      scene.folder(scene.at("drop"), 0o1777);
      scene.attack("ln -s ../home drop/sub");
    },
  },
  "invite, all is exchanged meanwhile, 1777": { play: raced, plant: drop(0o1777, justThere) },
  "invite, all is exchanged meanwhile, 0770": { play: raced, plant: drop(0o770, justThere) },
  "data folder of 0777": { play: obeyed, plant: data(0o777) },
  "data folder of 1777": { play: obeyed, plant: data(0o1777) },
  "data folder of 0770, a start": { play: started, plant: data(0o770) },
  "database swapped, 0770": { play: obeyed, plant: data(0o770, swapDatabase) },
  "database swapped, closed since, a start": {
    play: started,
    plant: data(0o770, swapDatabase, closed),
  },
  "mode file swapped, closed since, a start": {
    play: started,
    plant: data(0o770, swapMode, closed),
  },
  "socket, closed since": { play: asked(closed), plant: data(0o770) },
  "socket in an exchanged folder": { play: asked(nothing), plant: exchanged },
  "database in an exchanged folder": {
    play: obeyed,
    plant: (scene) => {
      exchanged(scene);
      scene.attack("cp bus.db home/data/unibus.db; chmod 700 home/data");
    },
  },
};

const [ROOT, USER] = [0, 1_000];
const needs = canBeTwo() ? "" : " (needs root, setpriv, and sources that others may read)";

/** Sets scenes for victims: each in a folder of its own, with a bus that has an admin. */
async function openGround(): Promise<Disposable & { readonly next: (victim: number) => Scene }> {
  const folder = temporaryFolder();
  const [bus, key] = [join(folder.path, "bus"), join(folder.path, "admin.nk")];
  chmodSync(folder.path, 0o755);
  await run(["key", "new", key]);
  expect((await run(["user", "seed", "--key", key, "--data-dir", bus])).code).toBe(0);
  let scenes = 0;
  const next = (victim: number): Scene =>
    setScene(join(folder.path, `${scenes++}`), { victim, bus });
  return { next, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

test.skipIf(needs !== "")(
  `whoever may write where root or a user runs unibus gets nothing by it${needs}`,
  async () => {
    using ground = await openGround();
    const pool = createPool(4);
    // First each attack on one of the two, then on the other.
    const attempts = [0, 1].flatMap((round) =>
      Object.entries(ATTACKS).map(([attack, parts], index) => {
        return { attack, ...parts, victim: (index + round) % 2 === 0 ? ROOT : USER };
      }),
    );
    const tried = attempts.slice(0, count("file-attacks"));
    const table = await Promise.all(
      tried.map(({ victim, attack, play, plant }) =>
        pool(async () => ({ attack, victim, succeeded: await play(ground.next(victim), plant) })),
      ),
    );
    expect(table.filter(({ succeeded }) => succeeded)).toEqual([]);
    recordProof("attacks on files as two users", { attacks: table.length, succeeded: 0 });
  },
);

test.skipIf(needs !== "")(
  `without an attacker all of that works, and would be seen${needs}`,
  async () => {
    using ground = await openGround();
    for (const victim of proving ? [ROOT, USER] : [USER]) {
      const scene = ground.next(victim);
      const [file, key] = [scene.at("drop/inv"), scene.at("drop/key")];
      scene.folder(scene.at("drop"), 0o755);
      const place = ["--data-dir", scene.data];
      expect((await scene.run("invite", "create", ...place, "--out", file)).code).toBe(0);
      expect((await scene.run("key", "new", key)).code).toBe(0);
      expect([readFileSync(file, "utf8"), readFileSync(key, "utf8"), isTaken(scene)]).toEqual([
        expect.stringMatching(/^ubi_/),
        expect.stringMatching(/^SU/),
        false,
      ]);
      chmodSync(key, 0o644);
      expect(isTaken(scene)).toBe(true);
      expect(await obeyed(scene, nothing)).toBe(true);
      {
        await using server = await listenAs(victim, join(scene.data, "unibus.sock"));
        expect([(await scene.run("user", "list", ...place)).code, server.asked()]).toEqual([
          0,
          true,
        ]);
      }
      writeFileSync(join(scene.data, "unibus.mode"), "off\n");
      expect(await started(scene, nothing)).toBe(true);
      const older: Plant = ({ at }) => renameSync(at("me/old.json"), at("me/profile.json"));
      expect(await wentThere(scene, older)).toBe(true);
    }
  },
);
