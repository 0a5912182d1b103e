// Tries src/cli/cert-routes.ts, src/cli/bus-ca.ts, src/cli/encrypted-key.ts and src/cli/passphrase.ts.
import { describe, expect, test } from "bun:test";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  answerRequest,
  listCertificates,
  makeBusCa,
  makeNode,
  ROUTE_TLS_FOLDER,
  renewNode,
} from "../../src/cli/bus-ca.ts";
import { decryptKey } from "../../src/cli/encrypted-key.ts";
import { readPassphrase } from "../../src/cli/passphrase.ts";
import { readRouteTls } from "../../src/config/tls-files.ts";
import { PASSPHRASE_CHARS_MIN } from "../../src/core/limits.ts";
import { unibusCommand } from "../harness/command.ts";
import { eventually } from "../harness/eventually.ts";
import { EXIT } from "../harness/promises.ts";
import { cleanEnvironment, run, temporaryFolder } from "../harness/unibus.ts";

const DAY_MS = 24 * 3_600_000;
const passphrase = "correct horse battery";
const openssl = Bun.which("openssl");

interface Place extends Disposable {
  readonly path: string;
  readonly secret: string;
}

/** A folder with a CA, and the file of its passphrase. */
async function withCa(at = Date.now()): Promise<Place> {
  const folder = temporaryFolder();
  const secret = join(folder.path, "passphrase");
  writeFileSync(secret, `${passphrase}\n`, { mode: 0o600 });
  const path = join(folder.path, "routes");
  await makeBusCa({ dir: path, passphrase, at });
  return { path, secret, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
  return "nothing was refused";
}

function tryOpenssl(...words: readonly string[]): string {
  const { stdout, stderr } = Bun.spawnSync(["openssl", ...words]);
  return `${stdout}${stderr}`;
}

describe("the bus CA [M-038, M-092]", () => {
  test("lies apart from the authority that clients trust", () =>
    expect(ROUTE_TLS_FOLDER).toBe("deploy/tls/routes"));

  test("is two files; the key is for its owner, and encrypted under the passphrase", async () => {
    using place = await withCa();
    const modes = readdirSync(place.path)
      .sort()
      .map((name) => `${name} ${(statSync(join(place.path, name)).mode & 0o777).toString(8)}`);
    expect(modes).toEqual(["ca.crt 644", "ca.key 600"]);
    const key = readFileSync(join(place.path, "ca.key"), "utf8");
    expect(key).toStartWith("-----BEGIN ENCRYPTED PRIVATE KEY-----");
    expect(decryptKey(key, "another one, as long")).toBeNull();
    const plain = decryptKey(key, passphrase) ?? "";
    const ca = new X509Certificate(readFileSync(join(place.path, "ca.crt")));
    expect(ca.checkPrivateKey(createPrivateKey(plain))).toBeTrue();
    expect(ca.ca).toBeTrue();
  });

  test("is never overwritten, and signs for nobody without its passphrase", async () => {
    using place = await withCa();
    const dir = place.path;
    const at = Date.now();
    expect(await codeOf(() => makeBusCa({ dir, passphrase, at }))).toBe("file-exists");
    const wrong = { dir, node: "n1", hosts: ["10.0.0.1"], passphrase: "not this one", at };
    expect(await codeOf(() => makeNode(wrong))).toBe("file-unusable");
    expect(readdirSync(dir).sort()).toEqual(["ca.crt", "ca.key"]);
  });
});

describe("a node's certificate", () => {
  test("is what a node takes for its routes, for a year, and not longer than its CA", async () => {
    const at = Date.now();
    using place = await withCa();
    const hosts = ["n1.example.org", "10.0.0.1", "fd00::1"];
    const made = await makeNode({ dir: place.path, node: "n1", hosts, passphrase, at });
    const files = { cert: made.cert, key: made.key ?? "", ca: made.ca };
    expect(readRouteTls(files, at).names).toEqual(hosts);
    expect(Math.round((made.notAfter - at) / DAY_MS)).toBe(365);
    const late = at + 3_600 * DAY_MS;
    const last = await makeNode({ dir: place.path, node: "n2", hosts, passphrase, at: late });
    expect(Math.round((last.notAfter - at) / DAY_MS)).toBe(3_650);
    const over = { dir: place.path, node: "n3", hosts, passphrase, at: at + 3_651 * DAY_MS };
    expect(await codeOf(() => makeNode(over))).toBe("tls-unusable");
  });

  test.skipIf(openssl === null)(
    "is good to openssl, strictly, for both ends of a route",
    async () => {
      using place = await withCa();
      const at = Date.now();
      const hosts = ["n1.example.org", "10.0.0.1"];
      const { cert, ca } = await makeNode({ dir: place.path, node: "n1", hosts, passphrase, at });
      for (const words of [
        ["-purpose", "sslserver", "-verify_hostname", "n1.example.org"],
        ["-purpose", "sslserver", "-verify_ip", "10.0.0.1"],
        ["-purpose", "sslclient"],
      ]) {
        expect(tryOpenssl("verify", "-x509_strict", "-CAfile", ca, ...words, cert)).toBe(
          `${cert}: OK\n`,
        );
      }
      expect(tryOpenssl("x509", "-in", cert, "-noout", "-text")).toContain("prime256v1");
      const key = join(place.path, "ca.key");
      const read = ["pkey", "-in", key, "-noout", "-check", "-passin"];
      expect(tryOpenssl(...read, `pass:${passphrase}`)).toContain("valid");
      expect(tryOpenssl("asn1parse", "-in", key)).toContain("0927C0");
    },
  );

  test.skipIf(openssl === null)(
    "answers a signing request, whose key stays with the node",
    async () => {
      using place = await withCa();
      const request = join(place.path, "n2.csr");
      const key = join(place.path, "kept.key");
      const subject = [
        "-subj",
        "/CN=whoever",
        "-addext",
        "subjectAltName=DNS:n2.example.org,IP:10.0.0.2",
      ];
      const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
      tryOpenssl("req", "-new", ...fresh, "-keyout", key, "-out", request, ...subject);
      const at = Date.now();
      const asked = { dir: place.path, node: "n2", passphrase, at, request };
      const made = await answerRequest({ ...asked, hosts: [] });
      expect(made.key).toBeNull();
      expect(readRouteTls({ cert: made.cert, key, ca: made.ca }, at).names).toEqual([
        "n2.example.org",
        "10.0.0.2",
      ]);
      expect(new X509Certificate(readFileSync(made.cert)).subject).toBe("CN=n2");
      expect(readdirSync(place.path)).not.toContain("n2.key");
      const before = readFileSync(made.cert, "utf8");
      const renewed = await renewNode({ dir: place.path, node: "n2", passphrase, at: at + DAY_MS });
      expect(readFileSync(renewed.cert, "utf8")).not.toBe(before);
      expect(
        readRouteTls({ cert: made.cert, key, ca: made.ca }, at + DAY_MS).notAfter,
      ).toBeGreaterThan(made.notAfter);
      const text = readFileSync(request, "utf8");
      writeFileSync(request, text.replace(/\n.{10}/, "\nAAAAAAAAAA"));
      const damaged = { ...asked, node: "n4", hosts: ["n4.example.org"] };
      expect(await codeOf(() => answerRequest(damaged))).toBe("file-unusable");
    },
  );

  test("is renewed for the same hosts, with a new key", async () => {
    using place = await withCa();
    const at = Date.now();
    const hosts = ["n1.example.org", "fd00::1"];
    const made = await makeNode({ dir: place.path, node: "n1", hosts, passphrase, at });
    const key = readFileSync(made.key ?? "", "utf8");
    const renewed = await renewNode({ dir: place.path, node: "n1", passphrase, at: at + DAY_MS });
    expect(renewed.hosts).toEqual(hosts);
    expect(readFileSync(renewed.key ?? "", "utf8")).not.toBe(key);
    const files = { cert: renewed.cert, key: renewed.key ?? "", ca: renewed.ca };
    expect(readRouteTls(files, at + DAY_MS).notAfter).toBeGreaterThan(made.notAfter + DAY_MS / 2);
    const nobody = { dir: place.path, node: "nobody", passphrase, at };
    expect(await codeOf(() => renewNode(nobody))).toBe("file-unusable");
  });

  test("is told to be renewed from two thirds of its life on, and when it has ended", async () => {
    using place = await withCa();
    const at = Date.now();
    await makeNode({ dir: place.path, node: "n1", hosts: ["10.0.0.1"], passphrase, at });
    const ages = (days: number) =>
      listCertificates(place.path, at + days * DAY_MS).map(({ name, age }) => `${name} ${age}`);
    expect(ages(0)).toEqual(["ca good", "n1 good"]);
    expect(ages(240)).toEqual(["ca good", "n1 good"]);
    expect(ages(245)).toEqual(["ca good", "n1 ending"]);
    expect(ages(366)).toEqual(["ca good", "n1 ended"]);
    expect(ages(2_500)).toEqual(["ca ending", "n1 ended"]);
  });
});

describe("the commands", () => {
  test("make a CA and a node, list and renew; no secret is printed", async () => {
    using folder = temporaryFolder();
    const secret = join(folder.path, "passphrase");
    writeFileSync(secret, `${passphrase}\n`, { mode: 0o600 });
    const dir = join(folder.path, "routes");
    const words = ["--dir", dir, "--passphrase-file", secret];
    const made = [
      await run(["cert", "ca", ...words]),
      await run(["cert", "node", "n1", "--host", "10.0.0.1", "--host", "n1.example.org", ...words]),
      await run(["cert", "renew", "n1", ...words]),
      await run(["cert", "list", "--dir", dir]),
    ];
    expect(made.map(({ code, stderr }) => `${code} ${stderr}`)).toEqual(made.map(() => "0 "));
    const [ca, node, , list] = made.map(({ stdout }) => stdout);
    expect(ca).toContain("cert node n1");
    expect(node).toContain(`--route-tls-cert ${join(dir, "n1.crt")}`);
    expect(list).toMatch(/^ca .* good +-\nn1 .* good +10\.0\.0\.1, n1\.example\.org$/m);
    const json = await run(["cert", "list", "--dir", dir, "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      certificates: [{ name: "ca" }, { name: "n1", age: "good" }],
    });
    const all = made.map(({ stdout, stderr }) => stdout + stderr).join();
    expect(all).not.toContain(passphrase);
    expect(all).not.toContain("PRIVATE KEY");
  });

  test.each([
    [["cert", "node", "a.b", "--host", "10.0.0.1"], "letters, digits"],
    [["cert", "node", "ca", "--host", "10.0.0.1"], "the CA's own"],
    [["cert", "node", "n1"], "without --host"],
    [["cert", "node", "n1", "--host", "not a host"], "no DNS name or IP address"],
    [["cert", "ca"], "--passphrase-file"],
  ])("%j is wrong usage", async (words, says) => {
    using folder = temporaryFolder();
    const ran = await run(words, { cwd: folder.path });
    expect(ran.stderr).toContain(says);
    expect(ran.code).toBe(EXIT.usage);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

describe("a passphrase", () => {
  test("from a file that others can read, or that is too short, is refused", async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "passphrase");
    writeFileSync(file, `${passphrase}\n`, { mode: 0o644 });
    expect(await codeOf(() => readPassphrase({ file, isNew: false }))).toBe("file-unusable");
    const short = join(folder.path, "short");
    writeFileSync(short, "x".repeat(PASSPHRASE_CHARS_MIN - 1), { mode: 0o600 });
    expect(await codeOf(() => readPassphrase({ file: short, isNew: true }))).toBe("usage");
    expect(await readPassphrase({ file: short, isNew: false })).toHaveLength(
      PASSPHRASE_CHARS_MIN - 1,
    );
  });

  test("is asked for twice on a terminal, and not shown", async () => {
    using folder = temporaryFolder();
    const dir = join(folder.path, "routes");
    let shown = "";
    await using terminal = new Bun.Terminal({
      cols: 100,
      rows: 24,
      data: (_terminal, data) => {
        shown += new TextDecoder().decode(data);
      },
    });
    const child = Bun.spawn([...unibusCommand(), "cert", "ca", "--dir", dir], {
      terminal,
      env: cleanEnvironment(),
    });
    await eventually(() => shown.includes("New passphrase"), { timeoutMs: 20_000 });
    terminal.write(`wrong\u0015${passphrase}x\u007f\r`);
    await eventually(() => shown.includes("Once more"), { timeoutMs: 20_000 });
    terminal.write(`${passphrase}\r`);
    expect(await child.exited).toBe(0);
    expect(shown).not.toContain("horse");
    expect(decryptKey(readFileSync(join(dir, "ca.key"), "utf8"), passphrase)).not.toBeNull();
  });
});
