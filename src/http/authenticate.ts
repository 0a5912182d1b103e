import type { AuthMode } from "../core/login.ts";
import type { Actor, Evidence } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { Caller } from "./parts.ts";

export interface Identity {
  readonly actor: Actor;
  readonly evidence: Evidence;
  /** Why enforce would refuse the request (soft), or null. */
  readonly wouldRefuse: "unsigned" | null;
}

/**
 * Decides who sends a request. At the node's own socket it is the local operator: only its owner can
 * connect there. On the network nobody can prove who they are yet, so enforce refuses, and off and
 * soft take the sender for `anonymous` (M-065, M-069).
 * Throws "unauthenticated".
 */
export function authenticate(
  from: Caller,
  { mode, uid }: { readonly mode: AuthMode; readonly uid: number },
): Identity {
  if (from.kind === "socket") {
    return {
      actor: { kind: "operator" },
      evidence: { kind: "local", uid },
      wouldRefuse: null,
    };
  }
  if (mode === "enforce") {
    throw new Problem(
      "unauthenticated",
      "Cannot answer: this node asks for signed requests and takes commands at its own socket only",
    );
  }
  return {
    actor: { kind: "anonymous" },
    evidence: { kind: "none" },
    wouldRefuse: mode === "soft" ? "unsigned" : null,
  };
}
