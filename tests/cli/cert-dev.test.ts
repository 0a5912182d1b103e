import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { CERT_DEV, DEV_TLS_FOLDER, runCertDev } from "../../src/cli/cert-dev.ts";
import { readRouteTls, readTlsPair } from "../../src/config/tls-files.ts";
import { Problem } from "../../src/core/problems.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const silent = { print: () => undefined };

test("the folder is the one that the help of the TLS flags names [M-039]", () => {
  expect(DEV_TLS_FOLDER).toBe("deploy/tls");
  expect(CERT_DEV.options[0].default).toBe("deploy/tls");
});

describe("unibus cert dev [M-039]", () => {
  test("writes four files, the keys for their owner only", async () => {
    using folder = temporaryFolder();
    const dir = join(folder.path, "deploy/tls");
    await runCertDev({ dir }, silent);
    const modes = readdirSync(dir)
      .sort()
      .map((name) => `${name} ${(statSync(join(dir, name)).mode & 0o777).toString(8)}`);
    expect(modes).toEqual(["ca.crt 644", "ca.key 600", "server.crt 644", "server.key 600"]);
  });

  test("makes what a node takes, for localhost, this machine and the names given", async () => {
    using folder = temporaryFolder();
    const name = ["bus.example.org", "10.0.0.2", "localhost"];
    const made = await runCertDev({ dir: folder.path, name }, silent);
    const files = { cert: made.serverCert, key: made.serverKey };
    const pair = readTlsPair({ ...files, what: "NATS TLS" }, Date.now());
    expect(pair.names).toEqual([...made.names]);
    expect(new Set(pair.names)).toEqual(
      new Set(["localhost", "127.0.0.1", "::1", hostname(), "bus.example.org", "10.0.0.2"]),
    );
    expect(readRouteTls({ ...files, ca: made.caCert }, Date.now()).notAfter).toBe(pair.notAfter);
  });

  test("says what to type next", async () => {
    using folder = temporaryFolder();
    const lines: string[] = [];
    const output = { print: (line: string) => lines.push(line), program: "./unibus" };
    const made = await runCertDev({ dir: folder.path }, output);
    expect(lines).toContain(
      `  ./unibus up --tls-cert ${made.serverCert} --tls-key ${made.serverKey}`,
    );
    const key = readFileSync(made.serverKey, "utf8").split("\n")[1] ?? "";
    expect(lines.join("\n")).not.toContain(key);
  });

  test.each(["ca.crt", "ca.key", "server.crt", "server.key"])(
    "overwrites nothing: an existing %s is named and all stay as they were",
    async (name) => {
      using folder = temporaryFolder();
      writeFileSync(join(folder.path, name), "mine");
      const error = await runCertDev({ dir: folder.path }, silent).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(Problem);
      expect(error).toMatchObject({
        code: "file-exists",
        detail: expect.stringContaining(`${join(folder.path, name)} exists`),
      });
      expect(readdirSync(folder.path)).toEqual([name]);
      expect(readFileSync(join(folder.path, name), "utf8")).toBe("mine");
    },
  );

  test.each(["a b", "", "-x.example", "x..example", "https://x.example", "*", "x.example/"])(
    "the name %j is wrong usage",
    async (name) => {
      using folder = temporaryFolder();
      const error = await runCertDev({ dir: folder.path, name: [name] }, silent).catch((e) => e);
      expect(error).toMatchObject({ code: "usage" });
      expect(readdirSync(folder.path)).toEqual([]);
    },
  );
});

describe("others accept the certificates", () => {
  test.skipIf(Bun.which("openssl") === null)(
    "openssl, strictly, for servers and clients, by name and address",
    async () => {
      using folder = temporaryFolder();
      const made = await runCertDev({ dir: folder.path, name: ["10.0.0.2"] }, silent);
      for (const words of [
        ["-purpose", "sslserver", "-verify_hostname", "localhost"],
        ["-purpose", "sslserver", "-verify_ip", "::1"],
        ["-purpose", "sslserver", "-verify_ip", "10.0.0.2"],
        ["-purpose", "sslclient"],
      ]) {
        const { stdout, stderr } = Bun.spawnSync([
          "openssl",
          "verify",
          "-x509_strict",
          "-CAfile",
          made.caCert,
          ...words,
          made.serverCert,
        ]);
        expect(`${stdout}${stderr}`).toBe(`${made.serverCert}: OK\n`);
      }
    },
  );

  test("a TLS client that trusts the authority, and only that one", async () => {
    using folder = temporaryFolder();
    const made = await runCertDev({ dir: join(folder.path, "a") }, silent);
    const other = await runCertDev({ dir: join(folder.path, "b") }, silent);
    const read = (path: string) => readFileSync(path, "utf8");
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: read(made.serverCert), key: read(made.serverKey) },
      fetch: () => new Response("hello"),
    });
    const ask = (ca: string) =>
      fetch(`https://127.0.0.1:${server.port}/`, { tls: { ca: read(ca) }, keepalive: false });
    expect(await (await ask(made.caCert)).text()).toBe("hello");
    await expect(ask(other.caCert)).rejects.toThrow();
  });
});
