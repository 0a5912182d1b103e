import { problemDocument } from "../../core/problem-document.ts";
import { PROBLEMS, type ProblemCode } from "../../core/problems.ts";
import type { RouteDoc } from "./route-doc.ts";
import type { JsonSchema } from "./schema.ts";

/** What the door, the router and the machine answer on every route. */
const ON_EVERY_ROUTE: readonly ProblemCode[] = [
  "request-malformed",
  "request-invalid",
  "origin-foreign",
  "host-unknown",
  "too-many-requests",
  "internal",
];
/** What is answered besides on routes that take a change. */
const ON_CHANGES: readonly ProblemCode[] = [
  "digest-wrong",
  "request-too-large",
  "media-type",
  "idempotency-conflict",
  "journal-unavailable",
  "not-recorded",
  "outcome-unknown",
  "forbidden",
];

/** Every code of the table, in its order. */
// The keys of the table are its codes.
const CODES = Object.keys(PROBLEMS) as readonly ProblemCode[];

/** What is answered to whoever does not prove who it is, and to too many who do. */
const ON_PROVED_ROUTES: readonly ProblemCode[] = [
  ...CODES.filter((code) => PROBLEMS[code].status === 401),
  "node-busy",
];

/** Every problem that a route answers, by its status. */
export function problemsByStatus(
  doc: RouteDoc,
  { isChange, hasParameters }: { readonly isChange: boolean; readonly hasParameters: boolean },
): ReadonlyMap<number, readonly ProblemCode[]> {
  const codes = new Set([
    ...ON_EVERY_ROUTE,
    ...(isChange ? ON_CHANGES : []),
    // A parameter can be written so that it is none: `..`.
    ...(hasParameters ? (["route-not-found"] as const) : []),
    ...(doc.access === "open" ? [] : ON_PROVED_ROUTES),
    ...(doc.problems ?? []),
  ]);
  return Map.groupBy(
    CODES.filter((code) => codes.has(code)),
    (code) => PROBLEMS[code].status,
  );
}

/** Collects the answers that several routes have alike, so that each is told once. */
export interface SharedResponses {
  /** Renders an answer, as a reference where another route may have the same. */
  responseOf(status: number, codes: readonly ProblemCode[], doc: RouteDoc): JsonSchema;
  readonly collected: Readonly<Record<string, JsonSchema>>;
}

export function shareResponses(): SharedResponses {
  const collected: Record<string, JsonSchema> = {};
  return {
    collected,
    responseOf(status, codes, doc) {
      if (codes.some((code) => doc.problems?.includes(code))) return problemResponse(status, codes);
      const name = status === 401 ? "authentication" : codes.join(".");
      collected[name] ??= problemResponse(status, codes);
      return { $ref: `#/components/responses/${name}` };
    },
  };
}

function problemResponse(status: number, codes: readonly ProblemCode[]): JsonSchema {
  return {
    description: codes.map((code) => `- \`${code}\`: ${PROBLEMS[code].title}`).join("\n"),
    ...headersOf(status),
    content: {
      "application/problem+json": {
        schema: {
          allOf: [
            { $ref: "#/components/schemas/ProblemBody" },
            { properties: { status: { const: status }, code: { enum: codes } } },
          ],
        },
        examples: Object.fromEntries(
          codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
        ),
      },
    },
  };
}

function headersOf(status: number): JsonSchema {
  const names = HEADERS_BY_STATUS[status] ?? [];
  return names.length > 0 ? { headers: headerRefs(names) } : {};
}

const HEADERS_BY_STATUS: Readonly<Record<number, readonly string[]>> = {
  401: ["www-authenticate", "date", "unibus-skew-ms"],
  429: ["retry-after"],
  503: ["retry-after"],
};

/** References to headers of the document, by their names. */
export function headerRefs(names: readonly string[]): JsonSchema {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** An example of every problem that some route answers. */
export function problemExamples(codes: ReadonlySet<ProblemCode>): JsonSchema {
  return Object.fromEntries(
    CODES.filter((code) => codes.has(code)).map((code) => [
      code,
      {
        summary: PROBLEMS[code].title,
        value: problemDocument({ code, detail: "Cannot do it: the state, and the one it needs" }),
      },
    ]),
  );
}
