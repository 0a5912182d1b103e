import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startElsewhere } from "../harness/elsewhere.ts";
import { eventually } from "../harness/eventually.ts";
import { type RunningUnibus, run, temporaryFolder } from "../harness/unibus.ts";
import { openWiretap } from "../harness/wiretap.ts";

const folder = temporaryFolder();
const tls = join(folder.path, "tls");
const otherTls = join(folder.path, "other");

beforeAll(async () => {
  const made = await Promise.all([tls, otherTls].map((dir) => run(["cert", "dev", "--dir", dir])));
  expect(made.map(({ stderr }) => stderr)).toEqual(["", ""]);
});
afterAll(() => folder[Symbol.dispose]());

/** The routes that a node was asked for over the network, after it wrote down all of them. */
async function askedOverNetwork({ log, ask }: RunningUnibus): Promise<readonly unknown[]> {
  await ask("GET", "/v1/refusals");
  const requests = () => log.filter(({ event }) => event === "request.answered");
  await eventually(() => requests().at(-1)?.route === "/v1/refusals", { what: "its line" });
  return requests()
    .filter(({ from }) => from !== "socket")
    .map(({ route }) => route);
}

describe("a login from another machine is refused", () => {
  test("when the certificate is of another authority, or for another name [M-083]", async () => {
    await using elsewhere = await startElsewhere(tls, "--bind", "127.0.0.2");
    const { key, refused } = elsewhere.stranger();
    await elsewhere.node.ask("POST", "/v1/users", { user: key.user, name: "ada" });
    const { port } = new URL(elsewhere.url);
    const url = `https://127.0.0.2:${port}`;
    const login = (dir: string) =>
      refused("login", url, "--key", key.path, "--ca", `${dir}/ca.crt`);
    // Both faults are there; the authority is judged first.
    expect(await login(otherTls)).toBe("node-untrusted");
    expect(await login(tls)).toBe("node-untrusted");
    expect(await refused("login", url, "--key", key.path)).toBe("node-untrusted");
    expect(await askedOverNetwork(elsewhere.node)).toEqual([]);
  });

  test("when it would go in the clear: to another machine, or to the port that has TLS [M-083]", async () => {
    await using elsewhere = await startElsewhere(tls);
    const { key, refused } = elsewhere.stranger();
    const { port } = new URL(elsewhere.url);
    const login = (url: string) => refused("login", url, "--key", key.path);
    expect(await login(`http://bus.example.org:${port}`)).toBe("node-untrusted");
    expect(await login(`http://10.0.0.2:${port}`)).toBe("node-untrusted");
    expect(await login(`http://localhost:${port}`)).toBe("node-unreachable");
    expect(await refused("whoami")).toBe("node-not-found");
  });
});

describe("whoever is logged in and meets another one at the URL", () => {
  test("says nothing to a server that has lost its TLS", async () => {
    await using wire = await openWiretap();
    const url = `https://localhost:${wire.port}`;
    await using elsewhere = await startElsewhere(tls, "--public-url", url);
    wire.leadTo(Number(new URL(elsewhere.url).port));
    const { key, must, refused } = elsewhere.stranger();
    await elsewhere.node.ask("POST", "/v1/users", { user: key.user, name: "ada" });
    await must("login", url, "--key", key.path, "--ca", `${tls}/ca.crt`);
    let asked = 0;
    const plain = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        asked++;
        return Response.json({});
      },
    });
    wire.leadTo(plain.port ?? 0);
    expect(await refused("room", "list")).toBe("node-untrusted");
    await plain.stop(true);
    expect(asked).toBe(0);
  });

  test("says nothing to another bus, though it has the same name and certificate", async () => {
    await using wire = await openWiretap();
    const url = `https://localhost:${wire.port}`;
    await using first = await startElsewhere(tls, "--public-url", url);
    await using second = await startElsewhere(tls, "--public-url", url);
    wire.leadTo(Number(new URL(first.url).port));
    const { key, must, refused } = first.stranger();
    for (const { node } of [first, second]) {
      await node.ask("POST", "/v1/users", { user: key.user, name: "ada" });
    }
    const login = ["login", url, "--key", key.path, "--ca", `${tls}/ca.crt`];
    await must(...login);
    wire.leadTo(Number(new URL(second.url).port));
    expect(await refused("room", "create", "x")).toBe("node-untrusted");
    expect(await askedOverNetwork(second.node)).toEqual(["/healthz"]);
    // Whoever means it says so by a new login.
    await must(...login);
    expect(await refused("room", "list")).toBe("done");
  });
});
