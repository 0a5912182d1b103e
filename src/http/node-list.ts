import { X509Certificate } from "node:crypto";
import type { ClusterNode, ClusterNodes } from "../contract/nodes.ts";
import { isNodeName } from "../core/cluster-policy.ts";
import { plainFingerprint } from "../core/pem.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import type { NodeRecord } from "../core/records.ts";
import { isNode } from "../core/rules/nodes.ts";
import { callOf } from "./call.ts";
import { type AnswerHead, requestChange } from "./change.ts";
import { timeText } from "./ids.ts";
import type { AppParts, ClusterView } from "./parts.ts";
import { requireManager, requireManagerByKey } from "./rights.ts";

type Parts = Pick<AppParts, "read" | "commit" | "now" | "cluster">;

/** Lists the nodes that are recorded and those that are seen; removed ones too if it is asked for. */
export async function listNodes(
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
    hung: view?.hung.includes(node) ?? false,
    fenced: view?.fenced.includes(node) ?? false,
    joinedAt: optionalTime(record?.joinedAt),
    announcedAt: optionalTime(record?.announcedAt),
    removedAt: optionalTime(record?.removedAt),
    version: record?.version ?? null,
    level: record?.level ?? null,
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
export async function removeNode(
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
      `Cannot remove the node: ${quote(node)} is the node that is asked, and it would end before the others know; ask another node`,
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

/** How this node takes part in its cluster. Throws "cluster-refused" on a node on its own. */
export async function getCluster(
  { cluster }: Pick<Parts, "cluster">,
  action: string,
): Promise<ClusterView> {
  const view = await cluster.view();
  if (view) return view;
  throw new Problem(
    "cluster-refused",
    `Cannot ${action}: this node is on its own, --cluster-name makes a cluster`,
  );
}
