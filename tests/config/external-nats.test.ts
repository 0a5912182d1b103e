import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readExternalNats } from "../../src/config/external-nats.ts";
import { Problem } from "../../src/core/problems.ts";
import { makeCredentials } from "../harness/external-nats.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const credentials = makeCredentials(folder.path);

function read(natsUrl: string, natsCreds = "") {
  return readExternalNats({ natsUrl, natsCreds });
}

function refusalOf(natsUrl: string, natsCreds = ""): string {
  try {
    read(natsUrl, natsCreds);
  } catch (error) {
    if (error instanceof Problem && error.code === "boot-refused") return error.detail;
    throw error;
  }
  return "nothing was refused";
}

describe("--nats-url [M-021]", () => {
  test("that is empty means a server of the node's own", () => expect(read("")).toBeNull());

  test.each([
    ["nats://bus.example:4222", "nats://bus.example:4222", "bus.example", 4222, false],
    ["tls://bus.example:4443", "tls://bus.example:4443", "bus.example", 4443, true],
    ["bus.example", "nats://bus.example:4222", "bus.example", 4222, false],
    ["bus.example:1", "nats://bus.example:1", "bus.example", 1, false],
    ["nats://[::1]:4222/", "nats://[::1]:4222", "::1", 4222, false],
    ["tls://10.0.0.1", "tls://10.0.0.1:4222", "10.0.0.1", 4222, true],
  ])("%s is %s", (text, url, host, port, tls) => {
    expect(read(text)).toEqual({ url, host, port, tls, login: null });
  });

  test("may hold a login, which is no part of what is shown", () => {
    expect(read("nats://ada:p%40ss@bus.example")).toEqual({
      url: "nats://bus.example:4222",
      host: "bus.example",
      port: 4222,
      tls: false,
      login: { kind: "password", user: "ada", password: "p@ss" },
    });
    // No escape: it was not meant as one.
    const half = read("nats://ada:100%@bus.example")?.login;
    expect(half).toEqual({ kind: "password", user: "ada", password: "100%" });
    expect(read("nats://s3cret@bus.example")?.login).toEqual({ kind: "token", token: "s3cret" });
    expect(JSON.stringify({ ...read("nats://ada:p@h"), login: null })).not.toContain("ada");
  });

  test.each([
    ["ws://bus.example", "only nats:// and tls:// can be used"],
    ["https://bus.example", "only nats:// and tls:// can be used"],
    ["nats://a:1,nats://b:1", "it takes one URL"],
    ["nats://", "it must be like nats://host:4222"],
    ["nats://bus.example:99999", "it must be like nats://host:4222"],
    ["nats://bus.example/path", "nothing may follow its port"],
    ["nats://bus.example?x=1", "nothing may follow its port"],
  ])("%s is refused, in words", (text, words) => {
    expect(refusalOf(text)).toContain(`--nats-url is "${text}", and ${words}`);
  });

  test("is never shown with the login that it holds", () => {
    expect(refusalOf("ws://ada:hunter2@bus.example")).not.toContain("hunter2");
  });
});

describe("--nats-creds [M-021]", () => {
  const url = "nats://bus.example";

  test("is read as nsc writes it", () => {
    const { login } = read(url, credentials.file) ?? {};
    if (login?.kind !== "creds") throw new Error("No credentials were read");
    for (const secret of credentials.secrets) expect(login.text).toContain(secret);
  });

  test.each([
    ["that is missing", "none.creds", null, 0o600, "does not exist"],
    ["that others can read", "open.creds", "x", 0o644, "can be read by others (mode 0644)"],
    ["of something else", "text.creds", "hunter2", 0o600, "holds no NATS credentials"],
  ] as const)(
    "%s is refused with its path, and shown nowhere",
    (_what, name, text, mode, words) => {
      const path = join(folder.path, name);
      if (text !== null) {
        writeFileSync(path, text);
        chmodSync(path, mode);
      }
      const refusal = refusalOf(url, path);
      expect(refusal).toStartWith(
        `Cannot read the credentials of --nats-creds from "${path}": the file `,
      );
      expect(refusal).toContain(words);
      expect(refusal).not.toContain("hunter2");
    },
  );

  test("beside a login in the URL is one too many", () => {
    expect(refusalOf("nats://ada:pass@bus.example", credentials.file)).toContain("keep the file");
  });
});
