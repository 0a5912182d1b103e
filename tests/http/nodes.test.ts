import { describe, expect, test } from "bun:test";
import { NODE_JOIN_SILENCE_MS, NODE_REQUESTS_MAX } from "../../src/core/limits.ts";
import { createNodeMailbox } from "../../src/http/node-mailbox.ts";
import type { ClusterView } from "../../src/http/parts.ts";
import { openTestApi, problemOf } from "../harness/api.ts";
import { NOW } from "../harness/builders.ts";
import { aNodeToken, nodeJoined, nodeToken } from "../harness/node-builders.ts";

await import("../../src/cli/reflect.ts");
const { createDevCertificates } = await import("../../src/cli/dev-certificates.ts");
const authority = await createDevCertificates({ names: ["localhost"], from: NOW, to: NOW + 1_000 });

const codeOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
};

function mailboxAt(start: number) {
  const clock = { now: start };
  return { clock, mailbox: createNodeMailbox({ now: () => clock.now }) };
}

describe("the mailbox of a node", () => {
  const token = aNodeToken("one");

  test("keeps a request until it is answered, and the answer for that request alone", async () => {
    const { mailbox } = mailboxAt(0);
    mailbox.open(token, 60_000);
    expect(mailbox.ask(token, "aaaa")).toBeNull();
    expect(mailbox.ask(token, "aaaa")).toBeNull();
    const [waiting, ...others] = await mailbox.collect(token);
    expect(others).toEqual([]);
    expect(waiting?.sealed).toBe("aaaa");
    mailbox.answer(token, waiting?.request ?? "", "bbbb");
    expect(mailbox.ask(token, "aaaa")).toBe("bbbb");
    expect(mailbox.isAnswered(token, "aaaa")).toBeTrue();
    expect(mailbox.isAnswered(token, "cccc")).toBeFalse();
    expect(mailbox.ask(token, "cccc")).toBeNull();
  });

  test("has room for a few requests, and those that nobody can read are thrown away", async () => {
    const { mailbox } = mailboxAt(0);
    mailbox.open(token, 60_000);
    for (let sent = 0; sent < NODE_REQUESTS_MAX; sent++) mailbox.ask(token, `r${sent}`);
    expect(codeOf(() => mailbox.ask(token, "one too many"))).toBe("node-busy");
    for (const { request } of await mailbox.collect(token)) mailbox.answer(token, request, null);
    expect(mailbox.ask(token, "one too many")).toBeNull();
  });

  test("takes nothing where nobody collects: before, after, or when the command is silent", async () => {
    const { mailbox, clock } = mailboxAt(0);
    expect(codeOf(() => mailbox.ask(token, "a"))).toBe("node-token-unattended");
    mailbox.open(token, 600_000);
    clock.now = NODE_JOIN_SILENCE_MS + 1;
    expect(codeOf(() => mailbox.ask(token, "a"))).toBe("node-token-unattended");
    const collecting = mailbox.collect(token);
    expect(mailbox.ask(token, "a")).toBeNull();
    // Whoever collects is told at once.
    expect((await collecting).map(({ sealed }) => sealed)).toEqual(["a"]);
    mailbox.close(token);
    expect(codeOf(() => mailbox.ask(token, "a"))).toBe("node-token-unattended");
    mailbox.open(token, 600_000);
    clock.now = 600_000;
    expect(codeOf(() => mailbox.ask(token, "a"))).toBe("node-token-unattended");
    expect(await mailbox.collect(token)).toEqual([]);
  });
});

describe("the routes of nodes", () => {
  const VIEW: ClusterView = {
    ...{ cluster: "bus", node: "n1", mode: "enforce", connected: ["n2"] },
    certificateEndsAt: NOW + 1_000_000,
    urls: ["http://bus.test:8470"],
    ca: authority.caCert,
    secret: { user: "route", password: "the password" },
    routes: ["nats://10.0.0.1:6250", "nats://10.0.0.2:6250"],
  };
  const cluster = { view: async () => VIEW };
  const token = aNodeToken("one");
  const path = `/v1/nodes/tokens/${token}`;
  const USE = { node: "north", route: "10.0.0.3:6250", certificate: null, certificateEndsAt: null };

  test("list the nodes that joined and those that are seen, for admins and the operator", async () => {
    using api = openTestApi({ mode: "enforce", cluster });
    await api.bus.must(nodeToken("one"));
    await api.bus.must(nodeJoined("one"));
    const { json } = await api.atSocket("GET", "/v1/nodes");
    expect(json.cluster).toBe("bus");
    expect(json.ca).toMatch(/^[0-9a-f]{64}$/);
    expect(json.nodes).toMatchObject([
      { node: "n1", self: true, connected: false, joinedAt: null },
      { node: "n2", self: false, connected: true, joinedAt: null, certificateEndsAt: null },
      { node: "north", self: false, connected: false, route: "10.0.0.3:6250" },
    ]);
    expect(problemOf(await api.overTcp("GET", "/v1/nodes"))).toBe("unauthenticated");
  });

  test("pass on what is sealed, and tell how a node takes part once its token is spent", async () => {
    using api = openTestApi({ mode: "enforce", cluster });
    const made = await api.atSocket("POST", "/v1/nodes/tokens", {
      body: { token, lifeSeconds: 60 },
    });
    expect([made.status, made.json.urls]).toEqual([201, VIEW.urls]);
    const body = { token, sealed: "aaaa" };
    const asked = await api.overTcp("POST", "/v1/nodes/join", { body });
    expect([asked.status, asked.json]).toEqual([200, { sealed: null }]);
    const { json } = await api.atSocket("GET", path);
    const [{ request }] = json.requests;
    expect(json).toEqual({ usedBy: null, requests: [{ request, sealed: "aaaa" }] });
    const taken = await api.atSocket("POST", `${path}/use`, { body: { ...USE, node: "n2" } });
    expect(problemOf(taken)).toBe("node-name-taken");
    const used = await api.atSocket("POST", `${path}/use`, { body: USE });
    expect(used.json).toMatchObject({ secret: VIEW.secret, routes: VIEW.routes });
    const again = { body: { ...USE, node: "south" } };
    expect(problemOf(await api.atSocket("POST", `${path}/use`, again))).toBe("node-token-used");
    await api.atSocket("POST", `${path}/answer`, { body: { request, sealed: "bbbb" } });
    const answered = await api.overTcp("POST", "/v1/nodes/join", { body });
    expect(answered.json).toEqual({ sealed: "bbbb" });
    const other = { body: { token, sealed: "cccc" } };
    expect(problemOf(await api.overTcp("POST", "/v1/nodes/join", other))).toBe("node-token-used");
    expect(JSON.stringify(api.log)).not.toContain("the password");
  });

  test("let nobody join a node on its own, or a cluster without TLS", async () => {
    const body = { token, lifeSeconds: 60 };
    for (const view of [null, { ...VIEW, ca: null }]) {
      using api = openTestApi({ mode: "enforce", cluster: { view: async () => view } });
      const answer = await api.atSocket("POST", "/v1/nodes/tokens", { body });
      expect(problemOf(answer)).toBe("cluster-refused");
      const join = await api.overTcp("POST", "/v1/nodes/join", { body: { token, sealed: "aaaa" } });
      expect(problemOf(join)).toBe("node-token-wrong");
    }
  });
});
