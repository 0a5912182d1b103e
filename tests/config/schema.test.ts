import { describe, expect, test } from "bun:test";
import { loadNodeSettings } from "../../src/config/load.ts";
import {
  isSettingName,
  listSettings,
  propertyOf,
  SETTINGS,
  variableOf,
} from "../../src/config/schema.ts";

/** The flags and defaults of the first unibus, byte for byte. */
const SEED_FLAGS = {
  bind: "127.0.0.1",
  "nats-url": "",
  "http-port": "8470",
  db: "./local_files/unibus.db",
  "store-dir": "./local_files/blobs",
  "nats-port": "4250",
  "nats-store": "./local_files/jetstream",
  "bus-auth": "off",
  "tls-cert": "",
  "tls-key": "",
  "cluster-name": "",
  "server-name": "",
  "cluster-port": "6250",
  routes: "",
  "cluster-user": "",
  "cluster-pass": "",
  "route-tls-cert": "",
  "route-tls-key": "",
  "route-tls-ca": "",
} as const;

describe("the flags of the first unibus keep name and default [M-020, M-021, M-022, M-023, M-024, M-025, M-026, M-027, M-028, M-029, M-030, M-031, M-032, M-033, M-034, M-035, M-036, M-037, M-038]", () => {
  test.each(Object.entries(SEED_FLAGS))("--%s is %j by default", (name, value) => {
    if (!isSettingName(name)) throw new Error(`no setting ${name}`);
    expect(SETTINGS[name].default).toBe(value);
  });

  test("they are what a node without flags gets", () => {
    const settings = loadNodeSettings({}, {});
    for (const [name, value] of Object.entries(SEED_FLAGS)) {
      if (!isSettingName(name)) throw new Error(`no setting ${name}`);
      const loaded = settings[propertyOf(name)];
      expect(Array.isArray(loaded) ? loaded.join() : `${loaded}`, name).toBe(value);
    }
  });
});

test("the conventional places of certificates stand in the help [M-039]", () => {
  expect(SETTINGS["tls-cert"].help).toContain("deploy/tls/server.crt");
  expect(SETTINGS["tls-key"].help).toContain("deploy/tls/server.key");
  expect(SETTINGS["route-tls-ca"].help).toContain("deploy/tls/ca.crt");
});

test("each setting has a variable, a property and words of its own", () => {
  const settings = listSettings();
  expect(new Set(settings.map(({ name }) => variableOf(name))).size).toBe(settings.length);
  expect(new Set(settings.map(({ help }) => help)).size).toBe(settings.length);
  const loaded = loadNodeSettings({}, {});
  for (const { name } of settings) expect(loaded).toHaveProperty(propertyOf(name));
});

test("names are turned into variables and properties", () => {
  expect(variableOf("http-port")).toBe("UNIBUS_HTTP_PORT");
  expect(propertyOf("route-tls-ca")).toBe("routeTlsCa");
  expect(propertyOf("db")).toBe("db");
  expect(isSettingName("toString")).toBe(false);
});

test("every secret is marked", () => {
  const secret = listSettings().filter((setting) => setting.secret !== undefined);
  expect(secret.map(({ name }) => name).sort()).toEqual(["cluster-pass", "nats-url", "routes"]);
});
