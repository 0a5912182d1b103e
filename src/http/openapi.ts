import type { TSchema } from "@sinclair/typebox";
import type { ProblemCode } from "../core/problems.ts";
import { isMutation } from "./body.ts";
import type { DeclaredRoute } from "./dispatch.ts";
import { HEADER_PARAMETERS, HEADERS, SECURITY_SCHEMES } from "./openapi/components.ts";
import { EXAMPLES, PATH_EXAMPLES } from "./openapi/examples.ts";
import {
  headerRefs,
  problemExamples,
  problemsByStatus,
  type SharedResponses,
  shareResponses,
} from "./openapi/problems.ts";
import type { RouteDoc } from "./openapi/route-doc.ts";
import { ROUTE_DOCS, ROUTE_GROUPS } from "./openapi/route-docs.ts";
import { type JsonSchema, renderSchema, renderSchemas, schemaName } from "./openapi/schema.ts";

/** A route of the API with the shapes that it checks. */
export type ApiRoute = Pick<DeclaredRoute, "method" | "path" | "hooks">;

const ABOUT = `The control plane of a unibus node: who exists, who is in which room, and who may do what.

- Over the network, prove who asks: with a bearer token, or by signing the request. A node in the mode off or soft also answers whoever proves nothing, as \`anonymous\`.
- Every error is \`application/problem+json\` (RFC 9457). Programs compare its \`code\`.
- Members that a shape does not have are refused, never dropped.
- Lists come in pages: \`next\` of one is \`after\` of the next.
- Every GET also answers HEAD.`;

/**
 * Renders the OpenAPI document of some routes, whose shapes are those that the API checks.
 * Throws when a route has no row in `ROUTE_DOCS`. Source: OpenAPI 3.1.1.
 */
export function renderOpenApi(routes: readonly ApiRoute[], version: string): JsonSchema {
  const shared = shareResponses();
  const told = new Set<ProblemCode>();
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of inOrder(routes)) {
    const path = route.path.replace(/:([a-z]+)/g, "{$1}");
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = renderOperation(route, { shared, told });
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "unibus",
      version,
      summary: "A private message bus that a small team runs itself",
      description: ABOUT,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "This node" }],
    tags: ROUTE_GROUPS.map(({ tag, about }) => ({ name: tag, description: about })),
    paths,
    components: {
      schemas: renderSchemas(),
      responses: shared.collected,
      parameters: HEADER_PARAMETERS,
      headers: HEADERS,
      examples: problemExamples(told),
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

/** The routes in the order of the table. */
function inOrder(routes: readonly ApiRoute[]): readonly ApiRoute[] {
  const order = [...ROUTE_DOCS.keys()];
  const placeOf = ({ method, path }: ApiRoute) => order.indexOf(`${method} ${path}`);
  return [...routes].sort((one, other) => placeOf(one) - placeOf(other));
}

function renderOperation(
  route: ApiRoute,
  { shared, told }: { readonly shared: SharedResponses; readonly told: Set<ProblemCode> },
): JsonSchema {
  const { method, path, hooks } = route;
  const doc = ROUTE_DOCS.get(`${method} ${path}`);
  if (!doc) throw new Error(`The route ${method} ${path} has no row in ROUTE_DOCS`);
  const problems = problemsByStatus(doc, {
    isChange: isMutation(method),
    hasParameters: path.includes(":"),
  });
  for (const code of [...problems.values()].flat()) told.add(code);
  const { id, tag, summary } = doc;
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...describe(doc),
    security: securityOf(doc),
    ...nonEmpty("parameters", [
      ...renderParameters("path", hooks.params),
      ...renderParameters("query", hooks.query),
      ...headerParameters(method, doc),
    ]),
    ...renderRequestBody(hooks.body),
    responses: Object.fromEntries([
      ...renderSuccesses(route, doc),
      ...[...problems].map(([status, codes]) => [status, shared.responseOf(status, codes, doc)]),
    ]),
  };
}

function describe({ description, access }: RouteDoc): JsonSchema {
  const signed = access === "signed" ? "A signed request only: a token may not ask for it." : null;
  const words = [description, signed].filter((sentence) => sentence);
  return words.length > 0 ? { description: words.join(" ") } : {};
}

function securityOf({ access }: RouteDoc): readonly JsonSchema[] {
  if (access === "open") return [];
  return access === "signed" ? [{ signature: [] }] : [{ bearer: [] }, { signature: [] }];
}

function nonEmpty(name: string, list: readonly unknown[]): JsonSchema {
  return list.length > 0 ? { [name]: list } : {};
}

function renderParameters(place: "path" | "query", shape?: TSchema): readonly JsonSchema[] {
  // The shape of parameters is an object of texts.
  const properties: Readonly<Record<string, TSchema>> = shape?.properties ?? {};
  const required: readonly string[] = shape?.required ?? [];
  return Object.entries(properties).map(([name, schema]) => {
    const { description, ...rest } = renderSchema(schema);
    const example = place === "path" ? PATH_EXAMPLES[name] : undefined;
    return {
      name,
      in: place,
      ...(required.includes(name) ? { required: true } : {}),
      ...(description ? { description } : {}),
      // An empty one would be another path.
      schema: place === "path" ? { minLength: 1, ...rest } : rest,
      ...(example === undefined ? {} : { example }),
    };
  });
}

function headerParameters(method: string, doc: RouteDoc): readonly JsonSchema[] {
  const names = [
    ...(isMutation(method) ? ["idempotency-key"] : []),
    ...(method === "PATCH" && doc.versioned ? ["if-match"] : []),
  ];
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

/** A body without members may be left out whole, so it is not told. */
function renderRequestBody(shape?: TSchema): JsonSchema {
  if (!shape || Object.keys(shape.properties ?? {}).length === 0) return {};
  return {
    requestBody: {
      required: (shape.required ?? []).length > 0,
      content: { "application/json": renderMedia(shape) },
    },
  };
}

function renderMedia(shape: TSchema): JsonSchema {
  const name = schemaName(shape);
  if (name === null) throw new Error("Every request and answer has a shape with a name");
  return { schema: renderSchema(shape), example: EXAMPLES[name] };
}

type Rendered = readonly [status: string, response: JsonSchema];

function renderSuccesses({ method, hooks }: ApiRoute, doc: RouteDoc): readonly Rendered[] {
  if (doc.page) {
    const schema = doc.page === "application/json" ? { type: "object" } : { type: "string" };
    return [["200", { description: "As asked", content: { [doc.page]: { schema } } }]];
  }
  const isChange = isMutation(method);
  const names = [
    ...(doc.versioned ? ["etag"] : []),
    ...(doc.located ? ["location"] : []),
    ...(isChange && !doc.passing ? ["unibus-seq"] : []),
    ...(doc.access === "open" ? [] : ["unibus-would-refuse"]),
  ];
  const headers = names.length > 0 ? { headers: headerRefs(names) } : {};
  const shapes = Object.entries(hooks.response ?? {});
  if (shapes.length === 0)
    return [["204", { description: "Done; there is nothing to tell", ...headers }]];
  return shapes.map(([status, shape]) => [
    status,
    {
      description: status === "201" ? "Made" : isChange ? "Done" : "As asked",
      ...headers,
      content: { "application/json": renderMedia(shape) },
    },
  ]);
}
