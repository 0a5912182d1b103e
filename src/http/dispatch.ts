import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { type Place, shapeProblem } from "./problem.ts";

/** A route as Elysia keeps what was declared: its shapes, and the function that answers. */
export interface DeclaredRoute {
  readonly method: string;
  readonly path: string;
  readonly handler: unknown;
  readonly hooks: {
    readonly params?: TSchema;
    readonly query?: TSchema;
    readonly body?: TSchema;
    readonly response?: Readonly<Record<number, TSchema>>;
  };
}

/** What of a request a route is given. */
export interface Asked {
  readonly request: Request;
  readonly url: URL;
  readonly params: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Shapes are all that our routes declare; anything else would be left out in silence. */
const HOOKS: readonly string[] = ["params", "query", "body", "response"];

/** Refuses routes that ask for more of Elysia than `dispatch` does. */
export function assertPlainRoutes(routes: readonly DeclaredRoute[]): void {
  for (const { method, path, hooks, handler } of routes) {
    const more = Object.keys(hooks).filter((name) => !HOOKS.includes(name));
    if (more.length > 0 || typeof handler !== "function") {
      throw new Error(`${method} ${path} declares what no route here has: ${more.join(", ")}`);
    }
  }
}

/**
 * Asks a route: checks the shapes that it declares, calls it, and renders what it answers. It stands
 * for the part of Elysia that runs at each request, which without made code costs four times as much
 * (docs/decisions/0014). Throws "request-invalid", "internal" when the answer breaks the contract, and
 * whatever the route throws.
 */
export async function dispatch(route: DeclaredRoute, asked: Asked): Promise<Response> {
  const { hooks, handler } = route;
  const { request, url, params, body } = asked;
  const query = url.search === "" ? {} : Object.fromEntries(url.searchParams);
  if (hooks.params) check("params", hooks.params, params);
  if (hooks.query) check("query", hooks.query, query);
  if (hooks.body) check("body", hooks.body, body);
  const set = { status: 200, headers: {} as Record<string, string> };
  // `assertPlainRoutes` saw that it is one, and Elysia's types that it takes these.
  const answer: unknown = await (handler as Handler)({ request, params, query, body, set });
  if (answer instanceof Response) return answer;
  const { status, headers } = set;
  const shape = hooks.response?.[status];
  if (shape) check("response", shape, answer);
  if (answer === undefined) return new Response(null, { status, headers });
  headers["content-type"] = "application/json";
  return new Response(JSON.stringify(answer), { status, headers });
}

type Handler = (context: object) => unknown;

function check(place: Place, schema: TSchema, value: unknown): void {
  if (!Value.Check(schema, value)) throw shapeProblem(place, schema, value);
}
