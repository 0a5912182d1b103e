import { PROBLEMS, type Problem } from "../core/problems.ts";
import type { Caller, RequestLog } from "./parts.ts";

/** What is known of an answered request. */
export interface Answered {
  readonly method: string;
  /** The pattern of its route, never its path; null when it has none. */
  readonly pattern: string | null;
  readonly from: Caller;
  readonly status: number;
  readonly ms: number;
  readonly problem: Problem | null;
  /** Why enforce would refuse it; null if it would not. */
  readonly wouldRefuse: string | null;
}

/** Logs a request, once, at its end: no body, no path, no query. */
export function logAnswer(log: RequestLog, answered: Answered): void {
  const { pattern, from, status, ms, problem, wouldRefuse } = answered;
  const route = pattern ?? "(no route)";
  // A method is text of the caller's until a route knows it.
  const method = pattern === null ? "(any)" : answered.method;
  const fields = {
    method,
    route,
    status,
    ms,
    from: from.kind === "tcp" ? from.address : "socket",
    ...(problem ? { problem: problem.code } : {}),
    ...(wouldRefuse ? { wouldRefuse } : {}),
  };
  const soft = wouldRefuse ? `; enforce would refuse it: ${wouldRefuse}` : "";
  const message = `${method} ${route} answered ${status} in ${ms} ms${soft}`;
  if (problem && PROBLEMS[problem.code].status >= 500 && problem.cause !== undefined) {
    // The caller is told nothing of the cause, so the log has to.
    const cause = String(problem.cause);
    log.error("request.failed", `${message}: ${cause}`, { ...fields, cause });
    return;
  }
  log.info("request.answered", message, fields);
}
