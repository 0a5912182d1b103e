import type { ProblemCode } from "../../core/problems.ts";

/** What is told about a route, beyond what its shapes tell. */
export interface RouteDoc {
  /** Its name in clients that are made from the document. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Who may ask, if not whoever proves who it is: anybody, or only who signs the request. */
  readonly access?: "open" | "signed";
  /** Problems of its own, beside those that all routes of its kind answer. */
  readonly problems?: readonly ProblemCode[];
  /** The answer has an `etag`, and a PATCH takes `if-match`. */
  readonly versioned?: true;
  /** The answer tells in `location` where to find what was made. */
  readonly located?: true;
  /** It has no entry in the journal, though it is no question. */
  readonly passing?: true;
  /** The answer is a page or a file, of this type. */
  readonly page?: string;
}

/** Routes that the explorer shows together. */
export interface RouteGroup {
  readonly tag: string;
  readonly about: string;
  /** By method and pattern. */
  readonly routes: Readonly<Record<string, RouteDoc>>;
}
