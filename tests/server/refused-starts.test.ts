import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { EXIT } from "../harness/promises.ts";
import {
  prepareRefusals,
  type RefusalGround,
  type RefusedStart,
} from "../harness/refused-start.ts";
import { snapshotOf } from "../harness/snapshot.ts";
import { startUnibus, temporaryFolder } from "../harness/unibus.ts";

const ROW_TIMEOUT_MS = 60_000;
let ground: RefusalGround;

beforeAll(async () => {
  ground = await prepareRefusals();
});
afterAll(() => ground[Symbol.dispose]());

/** Tries starts as tests of their own, several at once. */
function refuses(starts: readonly RefusedStart[]): void {
  for (const start of starts) {
    const env = Object.entries(start.env ?? {}).map(([name, value]) => `${name}=${value} `);
    const title = `${env.join("")}unibus ${start.command ?? "serve"} ${start.asked}`;
    test.concurrent(title, () => ground.expectRefused(start), ROW_TIMEOUT_MS);
  }
}

type Says = RefusedStart["says"];

function usage(asked: string, says: Says, more: Partial<RefusedStart> = {}): RefusedStart {
  return { asked, says, exit: EXIT.usage, ...more };
}

function refused(asked: string, says: Says, more: Partial<RefusedStart> = {}): RefusedStart {
  return { asked, says, exit: EXIT.refused, ...more };
}

const PUBLIC = [
  "0.0.0.0",
  "10.0.0.5",
  "''",
  "*",
  "0",
  "::",
  "[::]",
  "::ffff:0.0.0.0",
  "host.example",
];
const PAIR = "--tls-cert %good.cert --tls-key %good.key";
const CLUSTER = "--cluster-name bus --server-name a";
const PEER = "--routes nats://127.0.0.1:1";
const ROUTE_TLS = "--route-tls-cert %good.cert --route-tls-key %good.key --route-tls-ca %good.ca";
const SECRET = "--cluster-user route --cluster-pass-file %secret";
const PUBLIC_CLUSTER = `${CLUSTER} --bind 10.0.0.5 --bus-auth enforce ${PAIR}`;

describe("wrong usage exits with 2 before anything happens [M-040]", () => {
  refuses([
    usage("--frob", "--frob"),
    usage("--htp-port 1", "is --http-port meant"),
    usage("frob", "takes no argument"),
    usage("--bind", "--bind is missing its value"),
    usage("--bind 127.0.0.1 -bind=127.0.0.1", "--bind is given twice"),
    usage("--db ''", "--db"),
    usage("--bus-auth ''", "--bus-auth"),
    usage("--bus-auth on", "off, soft or enforce"),
    usage("--bus-auth Enforce", "off, soft or enforce"),
    usage("--http-port x", "--http-port"),
    usage("--http-port 65536", "0 to 65535"),
    usage("--nats-port -1", "--nats-port"),
    usage("--cluster-port 1e3", "--cluster-port"),
    usage("--insecure-no-tls=yes", "--insecure-no-tls"),
    usage("--log-format xml", "text, json or auto"),
    usage("--connections-per-user 0", "--connections-per-user"),
    usage("--requests-per-address 0", "from 1 to 1000000"),
    usage("--requests-per-user 0", "from 1 to 1000000"),
    usage("--trusted-proxies proxy.example.org", "each part must be like"),
    usage("--trusted-proxies 10.0.0.2,0.0.0.0/0", "that is everybody"),
    usage("--public-url bus.example.org", "--public-url"),
    usage("--cluster-name a.b", "--cluster-name"),
    usage("--server-name ä", "--server-name"),
    usage("--cluster-pass hunter2 --cluster-pass-file f", "--cluster-pass-file"),
    usage("", "UNIBUS_DB", { env: { UNIBUS_DB: "" } }),
    usage("", "UNIBUS_BUS_AUTH", { env: { UNIBUS_BUS_AUTH: "on" } }),
    usage("", "UNIBUS_CLUSTER_PASSWORD", { env: { UNIBUS_CLUSTER_PASSWORD: "hunter2" } }),
    usage("--bus-auth off", "--bus-auth", { command: "up" }),
    usage("", "unibus serve", { command: "up", env: { UNIBUS_BUS_AUTH: "off" } }),
  ]);
});

describe("a public bind without enforce is refused [M-041, M-049, M-118, G-07]", () => {
  refuses(
    PUBLIC.flatMap((bind) =>
      ["", " --bus-auth off", " --bus-auth soft"].map((mode) =>
        refused(`--bind ${bind}${mode} --insecure-no-tls`, "needs --bus-auth enforce"),
      ),
    ),
  );
  refuses([
    refused("", "needs --bus-auth enforce", { env: { UNIBUS_BIND: "0.0.0.0" } }),
    refused("", "needs --bus-auth enforce", { env: { UNIBUS_BIND: "" } }),
    refused(`--bind 0.0.0.0 ${PAIR}`, "needs --bus-auth enforce"),
  ]);
});

describe("TLS flags without enforce are refused [M-042, M-118]", () => {
  refuses(
    ["", "--bus-auth soft "].flatMap((mode) =>
      ["--tls-cert %good.cert", "--tls-key %good.key", PAIR].map((files) =>
        refused(`${mode}${files}`, "needs --bus-auth enforce"),
      ),
    ),
  );
});

describe("half a pair is refused [M-029, M-044, M-118, G-05]", () => {
  refuses(
    ["", " --nats-url nats://127.0.0.1:1 --external-nats-trusted"].flatMap((more) => [
      refused(`--bus-auth enforce --tls-cert %good.cert${more}`, "must be set together"),
      refused(`--bus-auth enforce --tls-key %good.key${more}`, "must be set together"),
    ]),
  );
});

describe("what only looks protected is refused [G-06, G-16]", () => {
  refuses([
    refused("--nats-url nats://127.0.0.1:1 --bus-auth enforce", "--external-nats-trusted"),
    refused("--nats-creds %text", "no effect without --nats-url"),
    refused("--bind 0.0.0.0 --bus-auth enforce", "--insecure-no-tls"),
    refused("--bind 0.0.0.0", "--insecure-no-tls", { command: "up" }),
    refused("", "NODE_TLS_REJECT_UNAUTHORIZED", { env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } }),
  ]);
});

describe("equal ports are refused", () => {
  refuses([
    refused("--http-port 41234 --nats-port 41234", "both 41234"),
    refused(`${CLUSTER} --http-port 41234 --cluster-port 41234`, "both 41234"),
  ]);
});

describe("an unusable certificate is refused by its path [M-050]", () => {
  const rows: readonly (readonly [cert: string, key: string, says: RegExp])[] = [
    ["%none", "%good.key", /load NATS TLS: the file ".*none" does not exist/],
    ["%good.cert", "%none", /load NATS TLS: the file ".*none" does not exist/],
    ["%text", "%good.key", /".*text" holds no certificate/],
    ["%good.cert", "%text", /".*text" holds no key/],
    ["%good.cert", "%other.key", /".*server.key" is not the key of the certificate/],
    ["%good.cert", "%open.key", /".*open.key" can be read by others/],
    ["%old.cert", "%old.key", /".*server.crt" has expired/],
    ["%future.cert", "%future.key", /".*server.crt" is not valid before/],
  ];
  refuses(
    rows.map(([cert, key, says]) =>
      refused(`--bus-auth enforce --tls-cert ${cert} --tls-key ${key}`, says),
    ),
  );
  refuses([
    refused(
      `${CLUSTER} ${PEER} --route-tls-cert %good.cert --route-tls-key %good.key --route-tls-ca %other.ca`,
      /load route TLS: the file ".*server.crt" is not signed by/,
    ),
    refused(
      `${CLUSTER} ${PEER} --route-tls-cert %none --route-tls-key %good.key --route-tls-ca %good.ca`,
      /load route TLS: the file ".*none" does not exist/,
    ),
  ]);
});

describe("a public cluster without all of its guards is refused [M-045, M-113]", () => {
  refuses([
    refused(`${PUBLIC_CLUSTER} ${ROUTE_TLS}`, "needs a secret"),
    refused(`${PUBLIC_CLUSTER} ${SECRET}`, "needs mutual TLS"),
    refused(`${CLUSTER} --routes nats://u:hunter2@10.0.0.2:6250`, "needs --bus-auth enforce"),
    refused(`${CLUSTER} --bus-auth enforce --routes nats://10.0.0.2:6250`, "needs a secret"),
  ]);
});

describe("partial route TLS is refused [M-046, M-113]", () => {
  const flags = ROUTE_TLS.split(" --").map((part, index) => (index === 0 ? part : `--${part}`));
  refuses(
    [1, 2, 3, 4, 5, 6].map((some) => {
      const chosen = flags.filter((_, index) => some & (1 << index));
      return refused(`${CLUSTER} ${chosen.join(" ")}`, "must be set together");
    }),
  );
});

describe("other unsound clusters are refused [M-096, G-09, M-095]", () => {
  refuses([
    refused("--cluster-name bus", "--server-name is not set"),
    refused(`${CLUSTER} --cluster-user route`, "without --cluster-pass-file"),
    refused(`${CLUSTER} --cluster-pass hunter2`, "without --cluster-user"),
    refused(
      `${CLUSTER} ${PEER} --cluster-user route --cluster-pass-file %shared-secret`,
      "by others",
    ),
    refused(`${CLUSTER} ${PEER} --cluster-user route --cluster-pass-file %none`, "does not exist"),
    refused(`${CLUSTER} --nats-url nats://127.0.0.1:1`, "--nats-url"),
    refused(`${CLUSTER} --routes nats://127.0.0.1:1,nats://u:hunter2`, "route 2"),
    refused(`${CLUSTER} --routes http://127.0.0.1:1`, "route 1"),
    refused(CLUSTER, "--routes names no other node"),
    refused(`${CLUSTER} ${PEER} --cluster-port 0`, "--cluster-port is 0"),
  ]);
});

describe("flags of a cluster without one are refused [G-10]", () => {
  refuses(
    [
      "--cluster-port 41234",
      "--routes nats://127.0.0.1:1",
      "--cluster-user route",
      "--cluster-pass hunter2",
      "--cluster-pass-file %secret",
      "--stale-max 10",
      "--route-tls-cert %good.cert",
      "--route-tls-key %good.key",
      "--route-tls-ca %good.ca",
    ].map((asked) => refused(asked, "no effect without --cluster-name")),
  );
});

test(
  "a folder that ran enforce refuses the silent default and stays byte for byte as it was [G-11]",
  async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "local_files");
    mkdirSync(dataDir);
    {
      await using node = await startUnibus({ dataDir, args: ["--bus-auth", "enforce"] });
      expect(await node.end()).toBe(0);
    }
    expect(snapshotOf(dataDir).join("\n")).toContain("unibus.db ");
    const start = refused("", "last ran with --bus-auth enforce");
    await ground.expectRefusedIn(folder.path, dirname(dataDir), start);
  },
  ROW_TIMEOUT_MS,
);
