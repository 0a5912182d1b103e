import type { TSchema } from "@sinclair/typebox";
import { type ValueError, ValueErrorType } from "@sinclair/typebox/errors";
import { Value } from "@sinclair/typebox/value";
import { problemDocument } from "../core/problem-document.ts";
import { PROBLEMS, Problem, type ProblemCode, type Refusal } from "../core/problems.ts";

/** A problem that tells more in headers: when to come again, by how much a clock is off. */
export class AnsweredProblem extends Problem {
  constructor(
    code: ProblemCode,
    detail: string,
    readonly headers: Readonly<Record<string, string>>,
  ) {
    super(code, detail);
  }
}

/** What a problem tells in headers. */
export function headersOf(problem: Refusal): readonly (readonly [string, string])[] {
  return problem instanceof AnsweredProblem ? Object.entries(problem.headers) : [];
}

/** The ways in that a 401 has to name. Source: RFC 9110, section 11.6.1. */
const CHALLENGES = 'Signature realm="unibus", Bearer realm="unibus"';

export function problemResponse(problem: Refusal): Response {
  const { status } = PROBLEMS[problem.code];
  return new Response(JSON.stringify(problemDocument(problem)), {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...(status === 401 ? { "www-authenticate": CHALLENGES } : {}),
      ...Object.fromEntries(headersOf(problem)),
    },
  });
}

/**
 * Finds the problem in whatever was thrown. Nothing of an error that nobody expected is told: its text
 * may hold anything.
 */
export function problemOf(error: unknown): Problem {
  return error instanceof Problem ? error : internal(error);
}

function internal(cause: unknown): Problem {
  return new Problem("internal", "Cannot answer: the node met an error, its log tells more", {
    cause,
  });
}

/** What of a request or an answer has a shape. */
export type Place = "params" | "query" | "body" | "response";

/** Says what is wrong with the shape of a value, in words of the schema alone: it may hold anything. */
export function shapeProblem(place: Place, schema: TSchema, value: unknown): Problem {
  const fault = Value.Errors(schema, value).First();
  if (place === "response") {
    return internal(`the answer breaks the contract at "${fault?.path ?? ""}"`);
  }
  const detail = `Cannot read the ${place === "params" ? "path" : place}: ${wordsOf(fault)}`;
  return new Problem("request-invalid", detail);
}

function wordsOf(fault: ValueError | undefined): string {
  if (fault?.type === ValueErrorType.ObjectAdditionalProperties) {
    const known = Object.keys(fault.schema.properties ?? {});
    const may = known.length > 0 ? `it may have ${known.join(", ")}` : "it has none here";
    return `it has a member that is not known, ${may}`;
  }
  const path = (fault?.path ?? "").slice(1);
  if (path === "") return "it has to be an object";
  if (fault?.type === ValueErrorType.ObjectRequiredProperty) return `it has no "${path}"`;
  return `"${path}" is not ${expected(fault?.schema)}`;
}

function expected(schema: TSchema | undefined): string {
  const anyOf: unknown = schema && "anyOf" in schema ? schema.anyOf : null;
  if (!Array.isArray(anyOf)) return "of the right form";
  const values = anyOf.flatMap((one: { readonly const?: unknown }) =>
    one.const === undefined ? [] : [String(one.const)],
  );
  return values.length > 0 ? `one of ${values.join(", ")}` : "of the right form";
}
