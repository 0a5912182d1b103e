import { describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import * as bus from "../../src/contract/bus.ts";
import * as health from "../../src/contract/health.ts";
import * as members from "../../src/contract/members.ts";
import * as problems from "../../src/contract/problems.ts";
import * as refusals from "../../src/contract/refusals.ts";
import * as rooms from "../../src/contract/rooms.ts";
import * as users from "../../src/contract/users.ts";
import * as values from "../../src/contract/values.ts";
import { problemDocument } from "../../src/core/problem-document.ts";
import { PROBLEMS } from "../../src/core/problems.ts";

const SHAPES = {
  ...bus,
  ...health,
  ...members,
  ...problems,
  ...refusals,
  ...rooms,
  ...users,
  ...values,
};

/** Every object inside a schema, with the way to it. */
function objectsIn(schema: unknown, path: string): readonly (readonly [string, object])[] {
  if (typeof schema !== "object" || schema === null) return [];
  const own = "type" in schema && schema.type === "object" ? [[path, schema] as const] : [];
  const inside = Object.entries(schema).flatMap(([key, value]) =>
    objectsIn(value, `${path}/${key}`),
  );
  return [...own, ...inside];
}

describe("the contract", () => {
  test("has no object that takes members it does not name", () => {
    const objects = Object.entries(SHAPES).flatMap(([name, schema]) => objectsIn(schema, name));
    expect(objects.length).toBeGreaterThan(20);
    const open = objects.filter(
      ([, schema]) => !("additionalProperties" in schema) || schema.additionalProperties !== false,
    );
    expect(open.map(([path]) => path)).toEqual([]);
  });

  test("holds every problem of the table in one form", () => {
    for (const [code, { status, title }] of Object.entries(PROBLEMS)) {
      // The keys of the table are its codes.
      const document = problemDocument({ code: code as keyof typeof PROBLEMS, detail: "Cannot x" });
      expect(document).toEqual({
        type: `https://unibus.dev/problems/${code}`,
        title,
        status,
        detail: "Cannot x",
        code,
      });
      expect(Object.keys(document)).toEqual(Object.keys(problems.ProblemBody.properties));
    }
  });

  test("tells times as RFC 3339 in UTC", () => {
    expect(Value.Check(values.Time, new Date(0).toISOString())).toBe(true);
    expect(Value.Check(values.Time, "1970-01-01 00:00:00")).toBe(false);
  });
});
