import { createRoutes } from "../../src/http/app.ts";
import { renderOpenApi } from "../../src/http/openapi.ts";
import type { AppParts } from "../../src/http/parts.ts";
import { routeTable } from "../../src/http/route-table.ts";

interface DocumentedResponse {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<
    Record<
      string,
      {
        readonly schema: {
          readonly allOf?: readonly {
            readonly properties?: { readonly code?: { readonly enum: readonly string[] } };
          }[];
        };
      }
    >
  >;
}

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<Record<string, { readonly responses: Readonly<Record<string, DocumentedResponse>> }>>
    >
  >;
  readonly components: { readonly responses: Readonly<Record<string, DocumentedResponse>> };
}

// Routes use no part of a node until somebody asks them.
const { routes } = createRoutes({} as AppParts);
const table = routeTable(routes);
// What is looked at of it here.
const document = renderOpenApi(routes, "0.0.0-test") as unknown as Document;

/** Headers that an answer has exactly when the document says so. */
const TOLD_HEADERS = ["etag", "location", "unibus-seq"];

/** Says what of an answer the OpenAPI document does not tell; null where it has no say. */
export async function undocumented(request: Request, response: Response): Promise<string | null> {
  // Without a Host that can be one, the target alone is left of the URL.
  const route = table.find(URL.parse(request.url)?.pathname ?? "");
  const method = request.method === "HEAD" ? "GET" : request.method;
  if (!route?.methods.includes(method)) return null;
  const path = route.pattern.replace(/:([a-z]+)/g, "{$1}");
  const told = document.paths[path]?.[method.toLowerCase()]?.responses[`${response.status}`];
  const name = told?.$ref?.split("/").at(-1);
  const documented = name === undefined ? told : document.components.responses[name];
  if (!documented) return `${method} ${path} answers ${response.status}`;
  const headers = TOLD_HEADERS.filter(
    (header) => response.headers.has(header) !== (documented.headers?.[header] !== undefined),
  );
  if (headers.length > 0) return `${method} ${path} ${response.status}: ${headers.join(", ")}`;
  const type = response.headers.get("content-type")?.replace(/; ?charset=utf-8$/i, "");
  if (type !== "application/problem+json") return null;
  const codes = documented.content?.[type]?.schema.allOf?.[1]?.properties?.code?.enum ?? [];
  if (request.method === "HEAD") return null;
  const { code }: { readonly code: string } = JSON.parse(await response.clone().text());
  return codes.includes(code) ? null : `${method} ${path} answers ${response.status} ${code}`;
}
