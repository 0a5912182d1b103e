import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startUnibus } from "../harness/unibus.ts";

const PACKAGE = join(import.meta.dir, "../../node_modules/swagger-ui-dist");

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

test("the pages for a browser come whole from the node, in enforce too", async () => {
  await using unibus = await startUnibus();
  const get = (path: string) => fetch(`${unibus.httpUrl}${path}`);
  const start = await get("/");
  expect([start.status, start.headers.get("content-type")]).toEqual([
    200,
    "text/html; charset=utf-8",
  ]);
  const html = (await start.text()) + (await (await get("/swagger")).text());
  const files = [...html.matchAll(/"(\/swagger\/assets\/[^"]+)"/g)].map(([, path = ""]) => path);
  expect(files.map((path) => path.split("/").at(-1)).sort()).toEqual([
    "explorer.js",
    "page.css",
    "swagger-ui-bundle.js",
    "swagger-ui.css",
  ]);
  for (const path of files) {
    const answer = await get(path);
    const found = digestOf(await answer.bytes());
    expect([path, answer.status]).toEqual([path, 200]);
    const [, name = ""] = /\/(swagger-ui[^/]*)$/.exec(path) ?? [];
    if (name !== "") expect(found).toBe(digestOf(readFileSync(join(PACKAGE, name))));
  }
  const document = await (await get("/swagger/json")).json();
  expect(document).toMatchObject({ openapi: "3.1.1", info: { title: "unibus" } });
  const told = unibus.log.filter(({ event }) => event === "request.answered");
  expect(told.filter(({ status }) => Number(status) >= 400)).toEqual([]);
});
