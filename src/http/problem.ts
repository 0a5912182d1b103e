import { ValueErrorType } from "@sinclair/typebox/errors";
import { NotFoundError, ParseError, ValidationError } from "elysia";
import { problemDocument } from "../core/problem-document.ts";
import { PROBLEMS, Problem, type Refusal } from "../core/problems.ts";

export function problemResponse(problem: Refusal): Response {
  const { status } = PROBLEMS[problem.code];
  return new Response(JSON.stringify(problemDocument(problem)), {
    status,
    headers: {
      "content-type": "application/problem+json",
      // A 401 has to name the way in. Source: RFC 9110, section 11.6.1.
      ...(status === 401 ? { "www-authenticate": 'Signature realm="unibus"' } : {}),
    },
  });
}

/**
 * Finds the problem in whatever was thrown. Nothing of what the caller sent is repeated, and nothing
 * of an error that nobody expected is told: its text may hold anything.
 */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  // Elysia wraps what the body's parser throws.
  if (error instanceof ParseError) {
    if (error.cause instanceof Problem) return error.cause;
    return internal(error.cause);
  }
  if (error instanceof NotFoundError) {
    return new Problem("route-not-found", "Cannot answer: the API has no such route");
  }
  if (error instanceof ValidationError) {
    if (error.type !== "response") return new Problem("request-invalid", invalidDetail(error));
    // Its own words hold the whole answer.
    return internal(`the answer breaks the contract at "${error.valueError?.path ?? ""}"`);
  }
  if (isUnprintableValue(error)) {
    return new Problem(
      "request-invalid",
      "Cannot read the body: a member is not of the right form",
    );
  }
  return internal(error);
}

/**
 * Says whether Elysia failed to put a wrong value into the words of its refusal. A body can hold such
 * values, `{"toString":1}`, and nothing else that is made into text here can.
 */
function isUnprintableValue(error: unknown): boolean {
  return error instanceof TypeError && error.message === "No default value";
}

function internal(cause: unknown): Problem {
  return new Problem("internal", "Cannot answer: the node met an error, its log tells more", {
    cause,
  });
}

/** Says what is wrong with the shape of a request, in words of the schema alone. */
function invalidDetail({ type, valueError }: ValidationError): string {
  const place = type === "params" ? "path" : type;
  if (valueError?.type === ValueErrorType.ObjectAdditionalProperties) {
    const known = Object.keys(valueError.schema.properties ?? {});
    const may = known.length > 0 ? `it may have ${known.join(", ")}` : "it has none here";
    return `Cannot read the ${place}: it has a member that is not known, ${may}`;
  }
  const path = (valueError?.path ?? "").slice(1);
  if (path === "") return `Cannot read the ${place}: it has to be an object`;
  if (valueError?.type === ValueErrorType.ObjectRequiredProperty) {
    return `Cannot read the ${place}: it has no "${path}"`;
  }
  return `Cannot read the ${place}: "${path}" is not ${expected(valueError?.schema)}`;
}

function expected(schema: ValidationError["validator"] | undefined): string {
  const anyOf: unknown = schema && "anyOf" in schema ? schema.anyOf : null;
  if (!Array.isArray(anyOf)) return "of the right form";
  const values = anyOf.flatMap((one: { readonly const?: unknown }) =>
    one.const === undefined ? [] : [String(one.const)],
  );
  return values.length > 0 ? `one of ${values.join(", ")}` : "of the right form";
}
