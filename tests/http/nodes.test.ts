import { describe, expect, test } from "bun:test";
import { NODE_JOIN_SILENCE_MS, NODE_REQUESTS_MAX } from "../../src/core/limits.ts";
import { createNodeMailbox } from "../../src/http/node-mailbox.ts";
import type { ClusterView } from "../../src/http/parts.ts";
import { openTestApi, problemOf } from "../harness/api.ts";
import { NOW } from "../harness/builders.ts";
import { aNodeToken, nodeAnnounced, nodeJoined, nodeToken } from "../harness/node-builders.ts";

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
    ...{ cluster: "bus", node: "n1", mode: "enforce", connected: ["n2"], hung: [], fenced: [] },
    certificateEndsAt: NOW + 1_000_000,
    urls: ["http://bus.test:8470"],
    ca: authority.caCert,
    rolling: false,
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

  test("show what nodes told of themselves, and removed ones to whoever asks for all", async () => {
    using api = openTestApi({ mode: "enforce", cluster });
    for (const node of ["n1", "n2", "n3"]) await api.bus.must(nodeAnnounced(node));
    await api.bus.must({ kind: "node.removed", node: "n3" });
    const { json } = await api.atSocket("GET", "/v1/nodes");
    const told = nodeAnnounced("n2");
    expect(json.nodes.map(({ node }: { node: string }) => node)).toEqual(["n1", "n2"]);
    expect(json.nodes[1]).toMatchObject({
      ...{ version: told.version, level: told.format, certificate: told.certificate },
      ...{ clientUrls: told.clientUrls, apiUrls: told.apiUrls, removedAt: null },
    });
    const all = await api.atSocket("GET", "/v1/nodes?all=true");
    expect(all.json.nodes[2]).toMatchObject({ node: "n3", connected: false });
    expect(Date.parse(all.json.nodes[2].removedAt)).toBe(NOW);
    expect(problemOf(await api.atSocket("GET", "/v1/nodes?all=yes"))).toBe("request-invalid");
  });

  test("remove a node, but not the one that is asked, and not without a majority of the others", async () => {
    using api = openTestApi({ mode: "enforce", cluster });
    const remove = (node: string) => api.atSocket("DELETE", `/v1/nodes/${node}`);
    for (const node of ["n1", "n2", "n3", "n4"]) await api.bus.must(nodeAnnounced(node));
    const self = await remove("n1");
    expect(problemOf(self)).toBe("cluster-refused");
    expect(self.json.detail).toContain("ask another node");
    expect(problemOf(await remove("n9"))).toBe("node-not-found");
    expect(problemOf(await remove("a%20b"))).toBe("node-not-found");
    // n2 is the only other one that is there: without it n1 would be one of three.
    const last = await remove("n2");
    expect(problemOf(last)).toBe("cluster-refused");
    expect(last.json.detail).toContain("majority");
    const removed = await remove("n3");
    expect([removed.status, removed.text]).toEqual([204, ""]);
    expect(problemOf(await remove("n3"))).toBe("node-removed");
    expect((await remove("n4")).status).toBe(204);
    expect(problemOf(await remove("n2"))).toBe("cluster-refused");
    expect(problemOf(await api.overTcp("DELETE", "/v1/nodes/n2"))).toBe("unauthenticated");
    using alone = openTestApi({ mode: "enforce", cluster: { view: async () => null } });
    expect(problemOf(await alone.atSocket("DELETE", "/v1/nodes/n2"))).toBe("cluster-refused");
  });

  test("tell a new node no route to one that was removed", async () => {
    using api = openTestApi({ mode: "enforce", cluster });
    for (const node of ["n1", "n2", "n3"]) {
      await api.bus.must(nodeAnnounced(node, { route: `10.0.0.${node.slice(1)}:6250` }));
    }
    await api.bus.must({ kind: "node.removed", node: "n3" });
    await api.bus.must(nodeToken("one"));
    const { json } = await api.atSocket("POST", `${path}/use`, {
      body: { ...USE, node: "n5", route: "10.0.0.5:6250" },
    });
    expect(json.routes).toEqual(["nats://10.0.0.1:6250", "nats://10.0.0.2:6250"]);
    const routes = [...VIEW.routes, "nats://10.0.0.3:6250", "nats://N3.bus.example:6250"];
    const view = { ...VIEW, routes };
    using other = openTestApi({ mode: "enforce", cluster: { view: async () => view } }, api.bus);
    await api.bus.must(nodeToken("two"));
    const two = `/v1/nodes/tokens/${aNodeToken("two")}/use`;
    const used = await other.atSocket("POST", two, { body: { ...USE, node: "n6" } });
    expect(used.json.routes).toEqual(["nats://10.0.0.1:6250", "nats://10.0.0.2:6250"]);
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

  test("let nobody join while CA and secret are being replaced: neither a token is made, nor one used", async () => {
    let rolling = false;
    const view = async () => ({ ...VIEW, rolling });
    using api = openTestApi({ mode: "enforce", cluster: { view } });
    await api.bus.must(nodeToken("one"));
    rolling = true;
    const body = { token: aNodeToken("two"), lifeSeconds: 60 };
    for (const [asked, given] of [
      ["/v1/nodes/tokens", body],
      [`${path}/use`, USE],
    ] as const) {
      const answer = await api.atSocket("POST", asked, { body: given });
      expect(problemOf(answer)).toBe("cluster-refused");
      expect(JSON.stringify(answer.json)).toContain("a roll of the bus CA is under way");
    }
    rolling = false;
    expect((await api.atSocket("POST", `${path}/use`, { body: USE })).status).toBe(200);
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
