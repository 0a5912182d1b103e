import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Health } from "../../src/contract/health.ts";
import { openCallers } from "../harness/callers.ts";
import { openOwnNetwork, runInside } from "../harness/own-network.ts";
import { createSigner, type Signer } from "../harness/signer.ts";
import { spawnUnibus } from "../harness/spawned.ts";
import { startUnibus, temporaryFolder } from "../harness/unibus.ts";

/** An address that lies on the loopback interface of a network of the test's own. */
const ADDRESS = "10.9.8.7";
const network = Bun.which("curl") ? await openOwnNetwork(ADDRESS) : null;
const missing = network === null ? " (needs unshare, nsenter, ip and curl)" : "";
afterAll(() => network?.[Symbol.asyncDispose]());

/** The id that an encrypted room has by its first record: 26 letters of its digest. */
function roomIdOf(record: string): string {
  const digest = createHash("sha256").update(Buffer.from(record, "base64url")).digest();
  const bits = [...digest].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = "abcdefghijklmnopqrstuvwxyz234567";
  return (bits.match(/.{5}/g) ?? [])
    .slice(0, 26)
    .map((five) => letters.charAt(Number.parseInt(five, 2)))
    .join("");
}

describe.skipIf(network === null)(`on a public bind${missing}`, () => {
  const URL_THERE = `http://${ADDRESS}:8470`;

  /** Starts a node in the test's own network, with a user who asks it from within. */
  async function start(args: readonly string[]) {
    const folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    const bind = ["--bind", "0.0.0.0", "--bus-auth", "enforce", "--insecure-no-tls"];
    const node = spawnUnibus(
      ["serve", "--data-dir", dataDir, "--log-format", "json", ...bind, ...args],
      { prefix: network?.prefix ?? [] },
    );
    await node.says("node.ready");
    const atSocket = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const headers = { "content-type": "application/json" };
      const unix = join(dataDir, "unibus.sock");
      const sent = { unix, method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
      const answer = await fetch(`http://localhost${path}`, sent);
      // The caller names the shape of the route that it asks.
      return (await answer.json()) as T;
    };
    const { bus } = await atSocket<Health>("GET", "/healthz");
    const signer = createSigner(bus);
    await atSocket("POST", "/v1/users", { user: signer.key.user });
    return {
      signer,
      makeRoom: (content: object) => askInside(signer, { name: "ops", ...content }),
      async [Symbol.asyncDispose]() {
        await node[Symbol.asyncDispose]();
        folder[Symbol.dispose]();
      },
    };
  }

  /** Makes a room as a user does, from inside the network. Returns the answer's JSON. */
  async function askInside(signer: Signer, content: object) {
    const body = JSON.stringify(content);
    const url = `${URL_THERE}/v1/rooms`;
    const headers = { "content-type": "application/json" };
    const signed = { ...headers, ...signer.sign({ method: "POST", url, body, headers }) };
    const lines = Object.entries(signed).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
    const curl = ["curl", "--silent", "--max-time", "5", "--data-binary", "@-", ...lines, url];
    return JSON.parse(await runInside(network, curl, body));
  }

  test("a plain room is refused and the rule named, an encrypted one is made by its signed record [M-085]", async () => {
    await using public_ = await start([]);
    const refused = await public_.makeRoom({});
    expect(refused).toMatchObject({ status: 403, code: "plain-rooms-disabled" });
    expect(refused.detail).toContain("--allow-plain-rooms");
    const genesis = public_.signer.genesis();
    const made = await public_.makeRoom({ content: "encrypted", genesis });
    expect(made).toMatchObject({
      ...{ room: roomIdOf(genesis.record), content: "encrypted", members: 1 },
      createdBy: public_.signer.key.user,
    });
  });

  test("both are made where the operator allows plain rooms [M-085, G-17]", async () => {
    await using public_ = await start(["--allow-plain-rooms"]);
    expect(await public_.makeRoom({})).toMatchObject({ content: "plain" });
    const genesis = public_.signer.genesis();
    const made = await public_.makeRoom({ content: "encrypted", genesis });
    expect(made).toMatchObject({ content: "encrypted" });
  });
});

test("on loopback both are made, and an encrypted one by nobody but who signed its record [M-085]", async () => {
  await using unibus = await startUnibus();
  const { signing, operator } = await openCallers(unibus);
  const [owner, other] = [signing(), signing()];
  for (const { user } of [owner, other]) await operator.get("POST", "/v1/users", { user });
  expect((await owner.ask("POST", "/v1/rooms", { body: { name: "plain" } })).told).toBe("201");
  const genesis = owner.signer.genesis();
  const body = { name: "sealed", content: "encrypted", genesis };
  expect((await other.ask("POST", "/v1/rooms", { body })).told).toBe("403 forbidden");
  expect((await operator.ask("POST", "/v1/rooms", { body })).told).toBe("403 forbidden");
  const { signature } = other.signer.genesis();
  const forged = { ...body, genesis: { ...genesis, signature } };
  expect((await owner.ask("POST", "/v1/rooms", { body: forged })).told).toBe("422 record-invalid");
  expect((await owner.ask("POST", "/v1/rooms", { body })).told).toBe("201");
  expect((await owner.ask("POST", "/v1/rooms", { body })).told).toBe("409 room-exists");
  // Nobody is added by the server's word, the operator's neither.
  const path = `/v1/rooms/${roomIdOf(genesis.record)}/members/${other.user}`;
  for (const caller of [owner, operator]) {
    expect((await caller.ask("PUT", path, { body: {} })).told).toBe("409 record-required");
  }
});
