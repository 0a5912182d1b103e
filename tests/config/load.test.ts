import { describe, expect, test } from "bun:test";
import { processEnvironment } from "../../src/config/environment.ts";
import {
  type Environment,
  type Flags,
  loadNodePlace,
  loadNodeSettings,
  loadQuickStartSettings,
} from "../../src/config/load.ts";
import { listSettings } from "../../src/config/schema.ts";
import { Problem } from "../../src/core/problems.ts";
import { testKey } from "../harness/raw-nats.ts";

type Load = (flags: Flags, env: Environment) => unknown;

function faultOf(flags: Flags, env: Environment = {}, load: Load = loadNodeSettings): string {
  try {
    load(flags, env);
  } catch (error) {
    if (error instanceof Problem && error.code === "usage") return error.detail;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("flags win over the environment, and that over the defaults", () => {
  test("one setting from each", () => {
    const settings = loadNodeSettings(
      { "http-port": "1" },
      { UNIBUS_HTTP_PORT: "2", UNIBUS_NATS_PORT: "3" },
    );
    expect([settings.httpPort, settings.natsPort, settings.clusterPort]).toEqual([1, 3, 6250]);
    expect([...settings.given].sort()).toEqual(["http-port", "nats-port"]);
  });

  test("a wrong variable is not looked at where a flag stands", () =>
    expect(loadNodeSettings({ "http-port": "1" }, { UNIBUS_HTTP_PORT: "x" }).httpPort).toBe(1));

  test("every setting can be given as a variable", () => {
    const values = {
      boolean: "true",
      port: "1234",
      count: "7",
      urls: "https://bus.example.org",
      routes: "nats://127.0.0.1:1",
      user: testKey().user,
      blocks: "10.0.0.0/8",
    };
    for (const setting of listSettings()) {
      const { kind } = setting.read;
      const value =
        kind === "enum"
          ? setting.read.values[0]
          : Object.entries(values).find(([k]) => k === kind)?.[1];
      const variable = `UNIBUS_${setting.name.toUpperCase().replaceAll("-", "_")}`;
      const { given } = loadNodeSettings({}, { [variable]: value ?? "text" });
      expect([...given], variable).toEqual([setting.name]);
    }
  });

  test("the mode counts as given wherever it was written [G-11]", () => {
    expect(loadNodeSettings({}, {}).busAuthGiven).toBe(false);
    expect(loadNodeSettings({ "bus-auth": "off" }, {}).busAuthGiven).toBe(true);
    expect(loadNodeSettings({}, { UNIBUS_BUS_AUTH: "off" }).busAuthGiven).toBe(true);
  });
});

describe("the three places lie in --data-dir unless they are given", () => {
  test.each([
    ["./local_files", "./local_files/unibus.db"],
    ["/var/lib/unibus/", "/var/lib/unibus/unibus.db"],
    ["/", "/unibus.db"],
    ["data", "data/unibus.db"],
  ])("in %s the database is %s", (folder, db) => {
    const settings = loadNodeSettings({ "data-dir": folder }, {});
    expect(settings.db).toBe(db);
    expect(settings.storeDir).toBe(db.replace("unibus.db", "blobs"));
    expect(settings.natsStore).toBe(db.replace("unibus.db", "jetstream"));
  });

  test("a place that is given stays where it is", () => {
    const settings = loadNodeSettings({ "data-dir": "d", db: "./x.db" }, { UNIBUS_STORE_DIR: "b" });
    expect([settings.db, settings.storeDir, settings.natsStore]).toEqual([
      "./x.db",
      "b",
      "d/jetstream",
    ]);
  });

  test("a command finds its node by the same rules", () => {
    expect(loadNodePlace({}, {})).toEqual({
      dataDir: "./local_files",
      db: "./local_files/unibus.db",
    });
    expect(loadNodePlace({ "data-dir": "d", json: true }, { UNIBUS_OTHER: "x" })).toEqual({
      dataDir: "d",
      db: "d/unibus.db",
    });
    expect(loadNodePlace({}, { UNIBUS_DB: "e/bus.db" }).db).toBe("e/bus.db");
    expect(faultOf({ db: "" }, {}, loadNodePlace)).toContain("--db");
  });
});

describe("a wrong value is wrong usage that names the setting", () => {
  test.each([
    ["http-port", "x"],
    ["http-port", "65536"],
    ["http-port", "-1"],
    ["http-port", "1e3"],
    ["http-port", "08470"],
    ["http-port", "80 "],
    ["nats-port", "1.5"],
    ["cluster-port", "99999"],
  ])("--%s %j is no port [M-022]", (name, value) => {
    expect(faultOf({ [name]: value })).toBe(
      `Cannot use --${name}: it is "${value}", and a port is a whole number from 0 to 65535`,
    );
  });

  test("--bus-auth on names the three modes [M-027]", () => {
    expect(faultOf({ "bus-auth": "on" })).toBe(
      'Cannot use --bus-auth: it is "on", and it must be off, soft or enforce',
    );
    expect(faultOf({}, { UNIBUS_BUS_AUTH: "Enforce" })).toContain("UNIBUS_BUS_AUTH");
  });

  test.each([
    [{ "log-format": "xml" }, "text, json or auto"],
    [{ "connections-per-user": "0" }, "from 1 to"],
    [{ "connections-per-user": "many" }, "from 1 to"],
    [{ "requests-per-address": "0" }, "from 1 to 1000000"],
    [{ "requests-per-address": "1000001" }, "from 1 to 1000000"],
    [{ "requests-per-address": "" }, "leave it out"],
    [{ "requests-per-user": "0" }, "from 1 to 1000000"],
    [{ "requests-per-user": "2.5" }, "from 1 to 1000000"],
    [{ "stale-max": "4" }, "from 5 to 3600"],
    [{ "cluster-name": "a.b" }, "letters, digits"],
    [{ "server-name": "a b" }, "letters, digits"],
    [{ "public-url": "bus.example.org" }, "https://"],
    [{ "public-url": "https://bus.example.org/path" }, "https://"],
    [{ "public-url": "https://u:secret@bus.example.org" }, "https://"],
    [{ "public-url": "https://a.example,ftp://b.example" }, "https://"],
    [{ bind: "127.0.0.1\u0000" }, "control character"],
    [{ db: "a\nb" }, "control character"],
    [{ "data-dir": "a\ufffd" }, "not UTF-8"],
    [{ frob: "x" }, "no setting"],
  ])("%j is refused", (flags, words) => {
    const detail = faultOf(flags);
    expect(detail).toContain(words);
    expect(detail).not.toContain("\n");
    expect(detail).not.toContain("secret");
  });

  test.each([["yes"], ["TRUE"], ["2"]])("a boolean variable of %j is refused", (value) =>
    expect(faultOf({}, { UNIBUS_INSECURE_NO_TLS: value })).toContain("true or false"),
  );

  test("a boolean variable may be true, 1, false or 0", () => {
    for (const [value, is] of [
      ["true", true],
      ["1", true],
      ["false", false],
      ["0", false],
    ] as const) {
      expect(loadNodeSettings({}, { UNIBUS_INSECURE_NO_TLS: value }).insecureNoTls).toBe(is);
    }
  });

  test("two sources of one password are refused", () =>
    expect(faultOf({ "cluster-pass-file": "f" }, { UNIBUS_CLUSTER_PASS: "hunter2" })).not.toContain(
      "hunter2",
    ));
});

describe("an empty value is wrong usage unless empty is the default", () => {
  for (const { name, default: fallback } of listSettings()) {
    const allowed = fallback === "" || name === "bind";
    test(`--${name} "" is ${allowed ? "taken" : "refused"}`, () => {
      const variable = `UNIBUS_${name.toUpperCase().replaceAll("-", "_")}`;
      if (allowed) {
        const settings = loadNodeSettings({}, { [variable]: "" });
        expect(settings).toEqual(loadNodeSettings({ [name]: "" }, {}));
        // An empty text that is the default anyway has no effect, so it counts as not given.
        expect([...settings.given]).toEqual(name === "bind" ? ["bind"] : []);
      } else {
        expect(faultOf({ [name]: "" })).toContain(`--${name}: it is empty`);
        expect(faultOf({}, { [variable]: "" })).toContain(variable);
      }
    });
  }

  test('--bind "" stays empty, which is public [G-07]', () =>
    expect(loadNodeSettings({ bind: "" }, {}).bind).toBe(""));
});

describe("an unknown variable of unibus is wrong usage", () => {
  test("it is named, with the one that is near", () =>
    expect(faultOf({}, { UNIBUS_BUSAUTH: "enforce" })).toBe(
      'Cannot use "UNIBUS_BUSAUTH": no setting has this name; is UNIBUS_BUS_AUTH meant',
    ));

  test("its value is never shown", () =>
    expect(faultOf({}, { UNIBUS_CLUSTER_PASSWORD: "hunter2" })).not.toContain("hunter2"));

  test.each([
    "UNIBUS_NATS_SERVER",
    "UNIBUS_COMMAND",
    "UNIBUS_PROOF_FILE",
    "UNIBUS_GOLDEN",
    "UNIBUS_TEST_DEPTH",
    "UNIBUS_SERVICE_HOST",
    "UNIBUS_SERVICE_PORT_HTTP",
    "UNIBUS_PORT",
    "UNIBUS_PORT_8470_TCP_ADDR",
    "UNIBUSX",
    "HOME",
  ])("%s is none of a node's", (variable) =>
    expect(loadNodeSettings({}, { [variable]: "x" }).given.size).toBe(0),
  );

  test("the environment of this process can be read", () =>
    expect(processEnvironment().PATH).toBeString());
});

describe("secrets on the command line are told, those in variables are not [G-04]", () => {
  test.each([
    [{ "cluster-pass": "hunter2" }, ["--cluster-pass"]],
    [{ routes: "nats://10.0.0.3:1,nats://u:hunter2@10.0.0.2:1" }, ["--routes"]],
    [{ routes: "nats://10.0.0.2:1" }, []],
    [{ "nats-url": "nats://token@10.0.0.2:4222" }, ["--nats-url"]],
    [{ "cluster-pass": "", "cluster-user": "route" }, []],
    [{ "cluster-pass-file": "f" }, []],
  ])("%j", (flags, secrets) => expect(loadNodeSettings(flags, {}).secretsInArgv).toEqual(secrets));

  test("variables", () => {
    const env = { UNIBUS_CLUSTER_PASS: "hunter2", UNIBUS_ROUTES: "nats://u:hunter2@10.0.0.2:1" };
    const settings = loadNodeSettings({}, env);
    expect(settings.secretsInArgv).toEqual([]);
    expect(settings.clusterPass).toBe("hunter2");
    expect(settings.routes).toEqual(["nats://u:hunter2@10.0.0.2:1"]);
  });
});

test("the API's own URLs are kept as origins", () =>
  expect(
    loadNodeSettings({ "public-url": "https://Bus.example.org/, http://10.0.0.2:8470" }, {})
      .publicUrl,
  ).toEqual(["https://bus.example.org", "http://10.0.0.2:8470"]));

describe("the quick start enforces [G-11]", () => {
  test("without a word about it", () => {
    const settings = loadQuickStartSettings({ "http-port": "0" }, {});
    expect([settings.busAuth, settings.busAuthGiven, settings.httpPort]).toEqual([
      "enforce",
      true,
      0,
    ]);
    expect(loadQuickStartSettings({}, { UNIBUS_BUS_AUTH: "enforce" }).busAuth).toBe("enforce");
  });

  test("a variable that asks for another mode is refused", () =>
    expect(faultOf({}, { UNIBUS_BUS_AUTH: "off" }, loadQuickStartSettings)).toContain(
      "unset it, or use: unibus serve",
    ));
});
