import { describe, expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";

const PAGES = ["/", "/swagger"];

/** What a page refers to on this node. */
function pathsIn(html: string): readonly string[] {
  return [...html.matchAll(/(?:href|src)="(\/[^"]*)"/g)].map(([, path = ""]) => path);
}

describe("the pages", () => {
  test("answer anybody in every mode, and are kept by nobody", async () => {
    for (const mode of ["off", "soft", "enforce"] as const) {
      using api = openTestApi({ mode });
      for (const path of PAGES) {
        const { status, headers, text } = await api.overTcp("GET", path);
        expect([status, headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
        expect(headers.get("cache-control")).toBe("no-store");
        expect(text).toStartWith("<!doctype html>");
      }
      expect(api.refusals).toEqual([]);
    }
  });

  test("may load and ask nothing but this node, and run nothing that is inline", async () => {
    using api = openTestApi();
    for (const path of PAGES) {
      const { headers, text } = await api.overTcp("GET", path);
      expect(headers.get("content-security-policy")).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      );
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(text).not.toMatch(/<style|style=|onload=|<script(?![^>]* src=)/);
      expect(text.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|\/\/\w/);
    }
  });

  test("refer only to what this node answers", async () => {
    using api = openTestApi();
    for (const path of PAGES) {
      const { text } = await api.overTcp("GET", path);
      const paths = pathsIn(text);
      expect(paths.length).toBeGreaterThan(1);
      for (const referred of paths) {
        expect([referred, (await api.overTcp("GET", referred)).status]).toEqual([referred, 200]);
      }
    }
  });

  test("tell version and mode, and nothing that is not open anyhow", async () => {
    using api = openTestApi({ mode: "soft" });
    const { text } = await api.overTcp("GET", "/");
    expect(text).toContain("version 0.0.0-test, mode soft");
    expect(text).toContain("<code>unibus token create --scope write</code>");
    expect(text).not.toContain("<script");
  });

  test("answer HEAD as GET without a body, and no other method", async () => {
    using api = openTestApi();
    for (const path of [...PAGES, "/swagger/json"]) {
      const asked = await api.overTcp("GET", path);
      const head = await api.overTcp("HEAD", path);
      expect([head.status, head.text]).toEqual([200, ""]);
      expect(head.headers.get("content-type")).toBe(asked.headers.get("content-type"));
      const posted = await api.overTcp("POST", path, { body: {} });
      expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
      expect(problemOf(await api.overTcp("GET", `${path}?x=1`))).toBe("request-invalid");
    }
  });
});

describe("a file of the pages", () => {
  test("is kept by browsers, as its path changes with what it holds", async () => {
    using api = openTestApi();
    const paths = pathsIn((await api.overTcp("GET", "/swagger")).text);
    const files = paths.filter((path) => path.startsWith("/swagger/assets/"));
    expect(files).toHaveLength(3);
    for (const path of files) {
      const { headers, text } = await api.overTcp("GET", path);
      expect(headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(headers.get("content-type")).toBe(
        path.endsWith(".js") ? "text/javascript; charset=utf-8" : "text/css; charset=utf-8",
      );
      expect(text.length).toBeGreaterThan(100);
      expect((await api.overTcp("HEAD", path)).status).toBe(200);
    }
  });

  test("that is not there, or of another version, is 404", async () => {
    using api = openTestApi();
    const [path = ""] = pathsIn((await api.overTcp("GET", "/swagger")).text).filter((one) =>
      one.endsWith(".css"),
    );
    for (const wrong of [
      path.replace(".css", ".map"),
      path.replace("swagger-ui.css", "..%2f..%2fpackage.json"),
      path.replace(/assets\/\w+/, "assets/0000000000000000"),
      "/swagger/assets",
      "/swagger/",
    ]) {
      const answer = await api.atSocket("GET", wrong);
      expect([wrong, answer.status, problemOf(answer)]).toEqual([wrong, 404, "route-not-found"]);
      expect(answer.headers.get("cache-control")).toBe("no-store");
    }
  });
});

test("the document tells the routes of this node", async () => {
  using api = openTestApi();
  const { status, headers, json } = await api.overTcp("GET", "/swagger/json");
  expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
  expect([json.openapi, json.info.version]).toEqual(["3.1.1", "0.0.0-test"]);
  expect(json.paths["/v1/rooms"].post.operationId).toBe("createRoom");
});
