import { X509Certificate } from "node:crypto";
import { Elysia } from "elysia";
import {
  AnswerNodeBody,
  type ClusterNode,
  ClusterNodes,
  CreateNodeTokenBody,
  JoinAnswered,
  JoinBody,
  ListNodesQuery,
  Membership,
  NewNodeToken,
  NodeParams,
  NodeTokenParams,
  UseNodeTokenBody,
  WaitingRequests,
} from "../contract/nodes.ts";
import { Nothing } from "../contract/values.ts";
import { isNodeName } from "../core/cluster-policy.ts";
import { isNodeTokenId, type NodeTokenId } from "../core/ids.ts";
import { plainFingerprint } from "../core/pem.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import type { NodeRecord } from "../core/records.ts";
import { isNode, nodeNameTaken, refuseDeadNodeToken } from "../core/rules/nodes.ts";
import { callOf } from "./call.ts";
import { type AnswerHead, requestChange } from "./change.ts";
import { timeText } from "./ids.ts";
import { createNodeMailbox, type NodeMailbox } from "./node-mailbox.ts";
import type { AppParts, ClusterView } from "./parts.ts";
import { requireManager, requireManagerByKey, requireOperator } from "./rights.ts";

type Parts = Pick<AppParts, "read" | "commit" | "now" | "cluster">;

/** `/v1/nodes`: the nodes of the cluster, and how a machine becomes one. */
export function nodes(parts: Parts) {
  const mailbox = createNodeMailbox({ now: () => parts.now() });
  return new Elysia({ prefix: "/v1/nodes", normalize: false, strictPath: true })
    .get("", ({ request, query }) => list(parts, request, { removed: query.all === "true" }), {
      query: ListNodesQuery,
      response: { 200: ClusterNodes },
    })
    .delete("/:node", (context) => remove(parts, context), {
      params: NodeParams,
      body: Nothing,
      query: Nothing,
    })
    .post("/join", ({ body }) => join(parts, mailbox, body), {
      body: JoinBody,
      query: Nothing,
      response: { 200: JoinAnswered },
    })
    .post("/tokens", (context) => createToken(parts, mailbox, context), {
      body: CreateNodeTokenBody,
      query: Nothing,
      response: { 201: NewNodeToken },
    })
    .get(
      "/tokens/:token",
      async ({ params, request }) => {
        const token = readTokenFor(request, params);
        getToken(parts, token);
        const requests = await mailbox.collect(token);
        const { usedBy } = getToken(parts, token);
        return { usedBy, requests: [...requests] };
      },
      { params: NodeTokenParams, query: Nothing, response: { 200: WaitingRequests } },
    )
    .post("/tokens/:token/use", (context) => useToken(parts, context), {
      params: NodeTokenParams,
      body: UseNodeTokenBody,
      query: Nothing,
      response: { 200: Membership },
    })
    .post(
      "/tokens/:token/answer",
      ({ params, body, request, set }) => {
        const token = readTokenFor(request, params);
        getToken(parts, token);
        mailbox.answer(token, body.request, body.sealed);
        set.status = 204;
      },
      { params: NodeTokenParams, body: AnswerNodeBody, query: Nothing },
    )
    .delete(
      "/tokens/:token",
      ({ params, request, set }) => {
        const token = readTokenFor(request, params);
        getToken(parts, token);
        mailbox.close(token);
        set.status = 204;
      },
      { params: NodeTokenParams, body: Nothing, query: Nothing },
    );
}

async function list(
  parts: Parts,
  request: Request,
  asked: { readonly removed: boolean },
): Promise<ClusterNodes> {
  requireManager(callOf(request).viewer, "list the nodes");
  const view = await parts.cluster.view();
  const recorded = new Map(parts.read.listNodes().map((one) => [one.node, one]));
  const names = new Set([...recorded.keys(), ...(view ? [view.node, ...view.connected] : [])]);
  const nodes = [...names]
    .sort()
    .map((node) => shownNode(node, { record: recorded.get(node), view }))
    .filter(({ removedAt }) => removedAt === null || asked.removed);
  const ca = view?.ca ? fingerprintOf(view.ca) : null;
  return { cluster: view?.cluster ?? null, ca, nodes };
}

function shownNode(
  node: string,
  of: { readonly record: NodeRecord | undefined; readonly view: ClusterView | null },
): ClusterNode {
  const { record, view } = of;
  const self = node === view?.node;
  return {
    node,
    self,
    connected: view?.connected.includes(node) ?? false,
    joinedAt: optionalTime(record?.joinedAt),
    announcedAt: optionalTime(record?.announcedAt),
    removedAt: optionalTime(record?.removedAt),
    version: record?.version ?? null,
    format: record?.format ?? null,
    certificate: record?.certificate ?? null,
    certificateEndsAt: optionalTime(self ? view.certificateEndsAt : record?.certificateEndsAt),
    route: record?.route ?? null,
    clientUrls: [...(record?.clientUrls ?? [])],
    apiUrls: [...(record?.apiUrls ?? [])],
  };
}

function optionalTime(ms: number | null | undefined): string | null {
  return typeof ms === "number" ? timeText(ms) : null;
}

/**
 * Removes a node for good. Whether it may be is decided where it is applied; only here is known which node
 * is asked, and which ones are there.
 */
async function remove(
  parts: Parts,
  context: {
    readonly params: { readonly node: string };
    readonly request: Request;
    readonly set: AnswerHead;
  },
): Promise<void> {
  const { params, request, set } = context;
  const { node } = params;
  const call = callOf(request);
  requireManagerByKey(call.viewer, "remove the node");
  const view = await getCluster(parts, "remove the node");
  if (node === view.node) {
    throw new Problem(
      "cluster-refused",
      `Cannot remove the node: ${quote(node)} is the one that is asked, and only another one tells it; ask another node`,
    );
  }
  const others = parts.read.listNodes().filter((one) => isNode(one) && one.node !== view.node);
  const remaining = others.filter((one) => one.node !== node);
  const there = remaining.filter((one) => view.connected.includes(one.node));
  // A name that is not recorded leaves all of them: what is wrong then is for the rule to say.
  if (remaining.length < others.length && (there.length + 1) * 2 <= remaining.length + 1) {
    throw new Problem(
      "cluster-refused",
      `Cannot remove the node: of the ${remaining.length + 1} that would remain ${there.length + 1} would be there, and nothing is decided without a majority; bring one back first`,
    );
  }
  await requestChange(parts, { call, set }, { kind: "node.removed", node: readNodeName(node) });
  set.status = 204;
}

/** Reads a node's name. Throws "node-not-found": what is no name is no node's. */
function readNodeName(text: string): string {
  if (isNodeName(text)) return text;
  throw new Problem("node-not-found", "Cannot find the node: this is no name of one");
}

function fingerprintOf(pem: string): string {
  return plainFingerprint(new X509Certificate(pem).fingerprint256);
}

interface Context<Body> {
  readonly body: Body;
  readonly request: Request;
  readonly set: AnswerHead;
}

/** Making the token is the approval: whoever holds it becomes a node, once. */
async function createToken(
  parts: Parts,
  mailbox: NodeMailbox,
  { body, request, set }: Context<CreateNodeTokenBody>,
): Promise<NewNodeToken> {
  const call = callOf(request);
  requireOperator(call.viewer, "make a token for a node");
  const token = readToken(body.token);
  const view = await getCluster(parts, "let a node join");
  if (view.ca === null) {
    throw new Problem(
      "cluster-refused",
      "Cannot make a token for a node: the routes of this cluster have no TLS, and only with it is a node known by its certificate",
    );
  }
  const expiresAt = parts.now() + body.lifeSeconds * 1000;
  await requestChange(parts, { call, set }, { kind: "node.token", token, expiresAt });
  mailbox.open(token, expiresAt);
  set.status = 201;
  set.headers.location = `/v1/nodes/tokens/${token}`;
  const { cluster, urls, ca } = view;
  return { token, expiresAt: timeText(expiresAt), cluster, urls: [...urls], ca };
}

/** Spends the token in the journal, and only then tells how the node takes part. */
async function useToken(
  parts: Parts,
  context: Context<UseNodeTokenBody> & { readonly params: { readonly token: string } },
): Promise<Membership> {
  const { body, params, request, set } = context;
  const token = readTokenFor(request, params);
  const view = await getCluster(parts, "let a node join");
  const { node, route, certificate } = body;
  if (node === view.node || view.connected.includes(node)) {
    const { code, detail } = nodeNameTaken(node);
    throw new Problem(code, detail);
  }
  // One that is away comes back by itself; a new node would wait for one that is gone for good.
  const recorded = parts.read.listNodes();
  const others = recorded.filter(
    (one) => one.joinedAt !== null && view.connected.includes(one.node),
  );
  const gone = recorded.filter(({ removedAt }) => removedAt !== null);
  const certificateEndsAt =
    body.certificateEndsAt === null ? null : Date.parse(body.certificateEndsAt);
  const change = {
    kind: "node.joined",
    token,
    node,
    route,
    certificate,
    certificateEndsAt,
  } as const;
  await requestChange(parts, { call: callOf(request), set }, change);
  const routes = new Set([...view.routes, ...others.map((one) => `nats://${one.route}`)]);
  for (const one of [...gone, { route }]) routes.delete(`nats://${one.route}`);
  const { cluster, mode, secret } = view;
  return { cluster, mode, secret: secret && { ...secret }, routes: [...routes] };
}

/** Takes what a new machine says, and answers what was said to it. Neither can be read here. */
function join(
  { read, now }: Parts,
  mailbox: NodeMailbox,
  { token: text, sealed }: JoinBody,
): JoinAnswered {
  const token = readToken(text);
  const record = read.findNodeToken(token);
  const answered = record !== null && mailbox.isAnswered(token, sealed);
  const dead = answered ? null : refuseDeadNodeToken(record, now());
  if (dead) throw new Problem(dead.code, dead.detail);
  return { sealed: mailbox.ask(token, sealed) };
}

async function getCluster({ cluster }: Parts, action: string): Promise<ClusterView> {
  const view = await cluster.view();
  if (view) return view;
  throw new Problem(
    "cluster-refused",
    `Cannot ${action}: this node is on its own, --cluster-name makes a cluster`,
  );
}

function getToken({ read }: Parts, token: NodeTokenId): { readonly usedBy: string | null } {
  const record = read.findNodeToken(token);
  if (record) return record;
  throw new Problem("node-token-wrong", "Cannot find the token: this bus has made no such one");
}

/** The token that the local operator asks about. */
function readTokenFor(request: Request, params: { readonly token: string }): NodeTokenId {
  requireOperator(callOf(request).viewer, "let a node join");
  return readToken(params.token);
}

function readToken(text: string): NodeTokenId {
  if (isNodeTokenId(text)) return text;
  throw new Problem("node-token-wrong", "Cannot find the token: this is no id of one");
}
