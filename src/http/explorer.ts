import { type Static, Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { CLOSED, Nothing } from "../contract/values.ts";
import { Problem } from "../core/problems.ts";
import { assetPath, findAsset } from "./explorer/assets.ts";
import { renderLanding } from "./landing.ts";
import type { ApiRoute } from "./openapi.ts";
import type { AppParts } from "./parts.ts";

/**
 * What a page of ours may do: load its own files and ask this node. Nothing is fetched from elsewhere,
 * nothing inline runs, and no other page may frame it.
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** What browsers ask for by themselves, whatever page they show. */
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M3 2v7a5 5 0 0 0 10 0V2" fill="none" stroke="#0b9c7a" stroke-width="3"/></svg>`;

const AssetParams = Type.Object(
  { version: Type.String({ maxLength: 64 }), file: Type.String({ maxLength: 64 }) },
  CLOSED,
);

/**
 * `/` and `/swagger`: pages for a person with a browser, whole from this node. `/swagger/json`: the
 * OpenAPI document of all routes, made when it is first asked for.
 */
export function explorer(
  { version, mode }: Pick<AppParts, "version" | "mode">,
  routes: () => readonly ApiRoute[],
) {
  // The promise: whoever asks while it is made waits for the same one.
  let document: Promise<string> | null = null;
  return new Elysia({ normalize: false, strictPath: true })
    .get(
      "/",
      async () => page(renderLanding({ version, mode, style: await assetPath("page.css") })),
      { query: Nothing },
    )
    .get("/swagger", async () => page(await renderExplorer()), { query: Nothing })
    .get(
      "/swagger/json",
      async () => {
        document ??= renderDocument(routes(), version);
        return new Response(await document, { headers: { "content-type": "application/json" } });
      },
      { query: Nothing },
    )
    .get(
      "/favicon.ico",
      () => new Response(ICON, { headers: { "content-type": "image/svg+xml" } }),
      { query: Nothing },
    )
    .get("/swagger/assets/:version/:file", ({ params }) => answerAsset(params), {
      params: AssetParams,
      query: Nothing,
    });
}

/** What renders it is loaded now, so that no start waits for it. */
async function renderDocument(routes: readonly ApiRoute[], version: string): Promise<string> {
  const { renderOpenApi } = await import("./openapi.ts");
  return JSON.stringify(renderOpenApi(routes, version));
}

function page(html: string): Response {
  return new Response(html, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": PAGE_POLICY,
      "referrer-policy": "no-referrer",
    },
  });
}

async function answerAsset(params: Static<typeof AssetParams>): Promise<Response> {
  const asset = await findAsset(params);
  if (!asset) throw new Problem("route-not-found", "Cannot answer: the pages have no such file");
  return new Response(Bun.file(asset.path), {
    headers: {
      "content-type": asset.type,
      "cache-control": "public, max-age=31536000, immutable",
    },
  });
}

async function renderExplorer(): Promise<string> {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>unibus API</title>
<link rel="icon" href="/favicon.ico" type="image/svg+xml">
<link rel="stylesheet" href="${await assetPath("swagger-ui.css")}">
<script src="${await assetPath("swagger-ui-bundle.js")}" defer></script>
<script src="${await assetPath("explorer.js")}" defer></script>
</head>
<body>
<noscript>The explorer is a script. Without one, <a href="/swagger/json">the OpenAPI document</a> tells the same.</noscript>
<div id="swagger-ui"></div>
</body>
</html>
`;
}
