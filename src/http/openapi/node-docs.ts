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
    tag: "nodes",
    about: "The nodes of the cluster, and how a machine becomes one",
    routes: {
      "GET /v1/nodes": {
        id: "listNodes",
        summary: "List the nodes of the cluster",
        problems: ["forbidden"],
      },
      "DELETE /v1/nodes/:node": {
        id: "removeNode",
        summary: "Remove a node from the cluster, for good",
        description:
          "Asked at another node. Its name is never used again; its files open routes until the bus CA and the route secret are rolled.",
        problems: ["cluster-refused", "forbidden", "node-not-found", "node-removed"],
      },
      "POST /v1/nodes/join": {
        id: "joinCluster",
        summary: "Ask to become a node, with a token",
        description:
          "Sent again with the same body until it is answered. What it says and what is answered is sealed with keys made from the token: the node passes it on and cannot read it.",
        access: "open",
        passing: true,
        problems: [
          "node-busy",
          "node-token-expired",
          "node-token-unattended",
          "node-token-used",
          "node-token-wrong",
          "not-ready",
        ],
      },
      "POST /v1/nodes/tokens": {
        id: "createNodeToken",
        summary: "Approve that a machine becomes a node: at the node's own socket only",
        problems: ["already-issued", "cluster-refused", "node-token-wrong", "node-tokens-full"],
        located: true,
      },
      "GET /v1/nodes/tokens/:token": {
        id: "listNodeRequests",
        summary: "Show who waits at a token: at the node's own socket only",
        problems: ["forbidden", "node-token-wrong"],
      },
      "POST /v1/nodes/tokens/:token/use": {
        id: "useNodeToken",
        summary: "Spend a token on a node: at the node's own socket only",
        problems: [
          "cluster-refused",
          "node-name-taken",
          "node-token-expired",
          "node-token-used",
          "node-token-wrong",
          "node-tokens-full",
        ],
      },
      "POST /v1/nodes/tokens/:token/answer": {
        id: "answerNode",
        summary: "Answer a machine that waits at a token: at the node's own socket only",
        passing: true,
        problems: ["node-token-wrong"],
      },
      "DELETE /v1/nodes/tokens/:token": {
        id: "closeNodeToken",
        summary: "Wait at a token no longer: at the node's own socket only",
        passing: true,
        problems: ["node-token-wrong"],
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
