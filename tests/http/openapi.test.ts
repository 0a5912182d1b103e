import { describe, expect, test } from "bun:test";
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { PROBLEMS } from "../../src/core/problems.ts";
import { createRoutes } from "../../src/http/app.ts";
import { OPEN_PATHS } from "../../src/http/health.ts";
import { EXAMPLES } from "../../src/http/openapi/examples.ts";
import { ROUTE_DOCS } from "../../src/http/openapi/route-docs.ts";
import { schemaName } from "../../src/http/openapi/schema.ts";
import { renderOpenApi } from "../../src/http/openapi.ts";
import type { AppParts } from "../../src/http/parts.ts";

/** Codes that no request is answered with. */
const NEVER_ANSWERED = new Set([
  "usage",
  "boot-refused",
  "tls-unusable",
  "folder-in-use",
  "start-failed",
  "journal-damaged",
  "journal-rolled-back",
  "schema-too-new",
  "level-too-old",
  // A node raises the level by itself.
  "level-conflict",
  "file-exists",
  "file-unusable",
  "node-unreachable",
  "node-untrusted",
  "name-ambiguous",
  "node-ca-foreign",
  // No route needs the data plane yet.
  "data-plane-external",
]);

// Routes use no part of a node until somebody asks them.
const { routes } = createRoutes({} as AppParts);

interface Operation {
  readonly operationId: string;
  readonly security: readonly object[];
  readonly responses: Readonly<Record<string, { readonly $ref?: string }>>;
}

// What these tests look at of it.
const document = renderOpenApi(routes, "0.0.0-test") as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, object>>>>;
};

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

describe("the table of routes", () => {
  test("has a row for every route, and no other", () => {
    const patterns = routes.map(({ method, path }) => `${method} ${path}`);
    expect([...ROUTE_DOCS.keys()].sort()).toEqual(patterns.sort());
  });

  test("is asked for every route: one without a row makes no document", () => {
    const stray = { method: "GET", path: "/v1/stray", hooks: {} };
    expect(() => renderOpenApi([...routes, stray], "0")).toThrow("/v1/stray has no row");
  });

  test("calls those routes open that answer anybody", () => {
    const open = [...ROUTE_DOCS].filter(([, { access }]) => access === "open");
    expect(open.map(([route]) => route.split(" ")[1]).sort()).toEqual([...OPEN_PATHS].sort());
  });

  test("has one name for each operation", () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("the document", () => {
  test("has every route once, under its path", () => {
    expect(operations).toHaveLength(routes.length);
    expect(document.paths["/v1/rooms/{room}/members/{user}"]?.put?.operationId).toBe("putMember");
  });

  test("says how to prove who asks, wherever that is asked", () => {
    for (const { path, operation } of operations) {
      const open = OPEN_PATHS.has(path) || path.startsWith("/swagger/");
      expect([path, operation.security.length > 0]).toEqual([path, !open]);
    }
  });

  test("says what each operation answers to a request that does not hold", () => {
    for (const { path, operation } of operations) {
      const statuses = Object.keys(operation.responses);
      expect([path, statuses]).toEqual([
        path,
        expect.arrayContaining(["400", "403", "421", "422", "429", "500"]),
      ]);
    }
  });

  test("names every problem that a request can be answered with", () => {
    const told = Object.keys(document.components.examples ?? {});
    const all = Object.keys(PROBLEMS).filter((code) => !NEVER_ANSWERED.has(code));
    expect(told.sort()).toEqual(
      // A path or method that is not there belongs to no operation.
      all.filter((code) => code !== "method-not-allowed").sort(),
    );
  });

  test("refers to nothing that it does not hold", () => {
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(100);
    for (const [, kind = "", name = ""] of references) {
      expect([name, document.components[kind]?.[name]]).toEqual([name, expect.any(Object)]);
    }
    expect(text).not.toContain('"$id"');
  });
});

describe("an example", () => {
  const shapes = routes.flatMap(({ hooks }) =>
    // A route's shapes are TypeBox's.
    ([hooks.body, ...Object.values(hooks.response ?? {})] as (TSchema | undefined)[]).filter(
      (shape) => shape !== undefined && Object.keys(shape.properties ?? {}).length > 0,
    ),
  );

  test("is there for every shape of a request or an answer, and is of that shape", () => {
    const shown = new Set<string>();
    for (const shape of shapes) {
      const name = (shape && schemaName(shape)) ?? "";
      shown.add(name);
      const faults = shape ? [...Value.Errors(shape, EXAMPLES[name])] : [];
      expect([name, faults.map(({ path, message }) => `${path}: ${message}`)]).toEqual([name, []]);
    }
    expect([...shown].sort()).toEqual(Object.keys(EXAMPLES).sort());
  });

  test("is there for every problem, as the API answers it", () => {
    for (const [code, example] of Object.entries(document.components.examples ?? {})) {
      expect(example).toMatchObject({ value: { code, detail: expect.stringMatching(/^Cannot /) } });
    }
  });
});
