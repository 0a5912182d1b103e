import { NODE_DOCS } from "./node-docs.ts";
import { ROOMS_DOCS } from "./rooms-docs.ts";
import type { RouteDoc, RouteGroup } from "./route-doc.ts";
import { USERS_DOCS } from "./users-docs.ts";

/** All groups of routes, in the order in which the explorer shows them. */
export const ROUTE_GROUPS: readonly RouteGroup[] = [...USERS_DOCS, ...ROOMS_DOCS, ...NODE_DOCS];

/** What is told about every route, by method and pattern, e.g. `GET /v1/rooms/:room`. */
export const ROUTE_DOCS: ReadonlyMap<string, RouteDoc & { readonly tag: string }> = new Map(
  ROUTE_GROUPS.flatMap(({ tag, routes }) =>
    Object.entries(routes).map(([route, doc]) => [route, { ...doc, tag }]),
  ),
);
