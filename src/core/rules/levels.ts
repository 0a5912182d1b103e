import { type Refusal, refusal } from "../problems.ts";
import type { NodeRecord } from "../records.ts";
import type { ActorFacts } from "./actors.ts";

type Known = Pick<NodeRecord, "node" | "level" | "removedAt">;

export interface RaiseFacts {
  readonly actor: ActorFacts;
  /** The level of the bus. */
  readonly level: number;
  /** The level that it shall have. */
  readonly next: number;
  /** The nodes that joined or announced themselves, removed ones too; none of a node on its own. */
  readonly nodes: readonly Known[];
}

/** Says why the level of the bus may not be raised, or null. No request asks for it: a node does. */
export function refuseRaise({ actor, level, next, nodes }: RaiseFacts): Refusal | null {
  const action = "raise the level of the bus";
  if (actor.kind !== "operator") {
    return refusal("forbidden", `Cannot ${action}: only a node itself may`);
  }
  if (next !== level + 1) {
    return refusal(
      "level-conflict",
      `Cannot ${action}: it is ${level}, and ${next} does not follow`,
    );
  }
  const behind = nodesBehind(nodes, next);
  if (behind.length === 0) return null;
  return refusal(
    "level-conflict",
    `Cannot ${action}: ${behind.join(", ")} did not announce level ${next}, start a newer unibus there or remove the node`,
  );
}

/** Names the nodes of the cluster that did not announce that they know a level. */
export function nodesBehind(nodes: readonly Known[], level: number): readonly string[] {
  return nodes
    .filter(({ removedAt, level: known }) => removedAt === null && (known ?? 0) < level)
    .map(({ node }) => node);
}
