import type { RouteGroup } from "./route-doc.ts";

/** What is told about the routes of the node itself. */
export const NODE_DOCS: readonly RouteGroup[] = [
  {
    tag: "health",
    about: "Whether the node lives and does its work, and how it is guarded",
    routes: {
      "GET /healthz": {
        id: "getHealth",
        summary: "Show the node's health and how it is guarded",
        description: "200 while the process lives, whatever its parts say.",
        access: "open",
      },
      "GET /readyz": {
        id: "getReadiness",
        summary: "Ask whether the node does its work",
        access: "open",
        problems: ["not-ready"],
      },
    },
  },
  {
    tag: "operate",
    about: "What whoever runs the bus looks at",
    routes: {
      "GET /v1/bus": {
        id: "getBus",
        summary: "Show how clients reach the data plane",
      },
      "GET /v1/refusals": {
        id: "getRefusals",
        summary: "Show who was refused, and why",
        problems: ["forbidden"],
      },
    },
  },
  {
    tag: "explorer",
    about: "Pages for a person with a browser",
    routes: {
      "GET /": {
        id: "getStartPage",
        summary: "The page that tells a person where they are",
        access: "open",
        page: "text/html; charset=utf-8",
      },
      "GET /favicon.ico": {
        id: "getIcon",
        summary: "The icon of the pages",
        access: "open",
        page: "image/svg+xml",
      },
      "GET /swagger": {
        id: "getExplorer",
        summary: "The explorer of this API",
        access: "open",
        page: "text/html; charset=utf-8",
      },
      "GET /swagger/json": {
        id: "getOpenApi",
        summary: "This document",
        access: "open",
        page: "application/json",
      },
      "GET /swagger/assets/:version/:file": {
        id: "getExplorerFile",
        summary: "A file of the pages",
        access: "open",
        page: "*/*",
      },
    },
  },
];
