import { VERSION } from "../../src/core/version.ts";
import { createRoutes } from "../../src/http/app.ts";
import { renderOpenApi } from "../../src/http/openapi.ts";
import type { AppParts } from "../../src/http/parts.ts";

/** Renders the OpenAPI document as a page of the reference, from the routes of the API. */
export function renderOpenApiPage(): string {
  // Routes use no part of a node until somebody asks them.
  const { routes } = createRoutes({} as AppParts);
  return `${JSON.stringify(renderOpenApi(routes, VERSION), null, 2)}\n`;
}
