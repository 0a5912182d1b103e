import { PROBLEMS, type Refusal } from "./problems.ts";

/** What every problem's `type` begins with; the code follows. */
export const PROBLEM_TYPE_BASE = "https://unibus.dev/problems/";

/** A problem as programs read it: the body of an answer, or what `--json` prints. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
}

/** Renders a problem. Source: RFC 9457; `code` is an extension member. */
export function problemDocument({ code, detail }: Refusal): ProblemDocument {
  const { status, title } = PROBLEMS[code];
  return { type: `${PROBLEM_TYPE_BASE}${code}`, title, status, detail, code };
}
