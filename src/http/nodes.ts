import { Elysia } from "elysia";
import {
  AnswerNodeBody,
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
import { isNodeTokenId, type NodeTokenId } from "../core/ids.ts";
import { Problem } from "../core/problems.ts";
import type { NodeRecord } from "../core/records.ts";
import { nodeNameTaken, refuseDeadNodeToken } from "../core/rules/nodes.ts";
import { callOf } from "./call.ts";
import { type AnswerHead, requestChange } from "./change.ts";
import { timeText } from "./ids.ts";
import { getCluster, listNodes, removeNode } from "./node-list.ts";
import { createNodeMailbox, type NodeMailbox } from "./node-mailbox.ts";
import type { AppParts, ClusterView } from "./parts.ts";
import { requireOperator } from "./rights.ts";

type Parts = Pick<AppParts, "read" | "commit" | "now" | "cluster">;

/** `/v1/nodes`: the nodes of the cluster, and how a machine becomes one. */
export function nodes(parts: Parts) {
  const mailbox = createNodeMailbox({ now: () => parts.now() });
  return new Elysia({ prefix: "/v1/nodes", normalize: false, strictPath: true })
    .get("", ({ request, query }) => listNodes(parts, request, { removed: query.all === "true" }), {
      query: ListNodesQuery,
      response: { 200: ClusterNodes },
    })
    .delete("/:node", (context) => removeNode(parts, context), {
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
  refuseWhileRolling(view);
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
  refuseWhileRolling(view);
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
  routes.delete(`nats://${route}`);
  const told = [...routes].filter((one) => !gone.some((removed) => leadsTo(one, removed)));
  const { cluster, mode, secret } = view;
  return { cluster, mode, secret: secret && { ...secret }, routes: told };
}

/** Whether a route is that of a node: where the node said, or at a host that is named as it is. */
function leadsTo(route: string, { node, route: told }: NodeRecord): boolean {
  const [label = ""] = new URL(route).hostname.split(".", 1);
  return route === `nats://${told}` || label.toLowerCase() === node.toLowerCase();
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

/** A machine that joins in the middle would have neither all of the old nor all of the new. */
function refuseWhileRolling({ rolling }: ClusterView): void {
  if (!rolling) return;
  throw new Problem(
    "cluster-refused",
    "Cannot let a node join: a roll of the bus CA is under way, and has to end first; see: unibus health",
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
