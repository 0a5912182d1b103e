import { createHash, randomBytes } from "node:crypto";
import { type NodeTokenId, nodeTokenIdOf } from "../../src/core/ids.ts";
import type { ChangeOf } from "../../src/core/operations.ts";
import { NOW } from "./builders.ts";

/** The id of a node's token: a random one, or always the same one for a label. */
export function aNodeToken(label?: string): NodeTokenId {
  const digest = createHash("sha256").update(label ?? randomBytes(32));
  return nodeTokenIdOf(digest.digest());
}

/** The change that makes a token for a node, which lives for ten minutes. */
export function nodeToken(
  label?: string,
  more: Partial<ChangeOf<"node.token">> = {},
): ChangeOf<"node.token"> {
  return { kind: "node.token", token: aNodeToken(label), expiresAt: NOW + 600_000, ...more };
}

/** The change by which a node "north" uses the token of a label. */
export function nodeJoined(
  label?: string,
  more: Partial<ChangeOf<"node.joined">> = {},
): ChangeOf<"node.joined"> {
  return {
    ...{ kind: "node.joined", token: aNodeToken(label), node: "north" },
    ...{ route: "10.0.0.3:6250", certificate: "4f".repeat(32), certificateEndsAt: NOW + 1_000_000 },
    ...more,
  };
}

/** The change by which a node tells of itself. */
export function nodeAnnounced(
  node: string,
  more: Partial<ChangeOf<"node.announced">> = {},
): ChangeOf<"node.announced"> {
  return {
    ...{ kind: "node.announced", node, route: "10.0.0.3:6250", version: "0.1.0", format: 1 },
    clientUrls: [`tls://${node}.bus.example:4250`],
    apiUrls: [`https://${node}.bus.example:8470`],
    ...{ certificate: "4f".repeat(32), certificateEndsAt: NOW + 1_000_000 },
    ...more,
  };
}
