import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { Problem } from "../../src/core/problems.ts";
import { assertPlainRoutes, type DeclaredRoute, dispatch } from "../../src/http/dispatch.ts";

const CLOSED = { additionalProperties: false } as const;
const request = new Request("http://bus.test/");
const url = new URL(request.url);

const declared = new Elysia({ normalize: false, aot: false })
  .get("/echo/:name", ({ params, query }) => ({ name: params.name, query }), {
    params: Type.Object({ name: Type.String({ maxLength: 3 }) }, CLOSED),
    query: Type.Object({ limit: Type.Optional(Type.String()) }, CLOSED),
    response: { 200: Type.Object({ name: Type.String(), query: Type.Any() }, CLOSED) },
  })
  .post(
    "/made",
    ({ body, set }) => {
      set.status = 201;
      set.headers.location = "/made/1";
      return Promise.resolve(body);
    },
    { body: Type.Object({ size: Type.Integer() }, CLOSED), response: { 201: Type.Any() } },
  )
  .delete("/made", ({ set }) => {
    set.status = 204;
  })
  .get("/file", () => new Response("text", { status: 206, headers: { x: "y" } }))
  .get("/broken", (): { name: string } => JSON.parse('{"name":"secret","more":1}'), {
    response: { 200: Type.Object({ name: Type.String() }, CLOSED) },
  }).routes;

/** Asks a route by method and path, and says what came: an answer, or a problem. */
async function ask(name: string, asked: Partial<Parameters<typeof dispatch>[1]> = {}) {
  const route = declared.find(({ method, path }) => `${method} ${path}` === name);
  if (!route) throw new Error(`There is no ${name}`);
  try {
    const response = await dispatch(route, {
      ...{ request, url, params: {}, body: undefined },
      ...asked,
    });
    const { status, headers } = response;
    return { status, headers: Object.fromEntries([...headers]), text: await response.text() };
  } catch (error) {
    if (error instanceof Problem) return `${error.code}: ${error.detail}`;
    throw error;
  }
}

describe("a route", () => {
  test("is given path and query, and answers JSON", async () => {
    const params = { name: "ops" };
    expect(
      await ask("GET /echo/:name", { params, url: new URL("http://x/?limit=a+b%20c") }),
    ).toEqual({
      status: 200,
      headers: { "content-type": "application/json" },
      text: '{"name":"ops","query":{"limit":"a b c"}}',
    });
  });

  test("is given the body, and says status and headers itself", async () => {
    expect(await ask("POST /made", { body: { size: 1 } })).toEqual({
      status: 201,
      headers: { "content-type": "application/json", location: "/made/1" },
      text: '{"size":1}',
    });
    expect(await ask("DELETE /made")).toEqual({ status: 204, headers: {}, text: "" });
  });

  test("may answer with a response of its own", async () => {
    expect(await ask("GET /file")).toMatchObject({
      status: 206,
      headers: { x: "y" },
      text: "text",
    });
  });

  test("is not asked with what is not of its shape, wherever it stands", async () => {
    expect(await ask("GET /echo/:name", { params: { name: "long" } })).toBe(
      'request-invalid: Cannot read the path: "name" is not of the right form',
    );
    const strange = new URL("http://x/?__proto__=1");
    expect(await ask("GET /echo/:name", { params: { name: "ops" }, url: strange })).toBe(
      "request-invalid: Cannot read the query: it has a member that is not known, it may have limit",
    );
    expect(await ask("POST /made", { body: { size: "1" } })).toBe(
      'request-invalid: Cannot read the body: "size" is not of the right form',
    );
    expect(await ask("POST /made", { body: {} })).toBe(
      'request-invalid: Cannot read the body: it has no "size"',
    );
    expect(await ask("POST /made")).toBe(
      "request-invalid: Cannot read the body: it has to be an object",
    );
  });

  test("that breaks the contract tells nobody what it answered", async () => {
    expect(await ask("GET /broken")).toBe(
      "internal: Cannot answer: the node met an error, its log tells more",
    );
  });

  test("may declare shapes, and nothing that would not happen here", () => {
    expect(() => assertPlainRoutes(declared)).not.toThrow();
    const guarded = new Elysia().get("/x", () => 1, { beforeHandle: () => "no" }).routes;
    expect(() => assertPlainRoutes(guarded)).toThrow("beforeHandle");
    const derived = new Elysia().derive(() => ({ who: "x" })).get("/x", ({ who }) => who).routes;
    expect(() => assertPlainRoutes(derived)).toThrow("GET /x");
    const still: readonly DeclaredRoute[] = new Elysia().get("/x", "a text").routes;
    expect(() => assertPlainRoutes(still)).toThrow("GET /x");
  });
});
