import { describe, expect, test } from "bun:test";
import { OWN_HOST, openTestApi, problemOf } from "../harness/api.ts";
import { NO_ROWS } from "../harness/builders.ts";

const JSON_TYPE = { "content-type": "application/json" };

describe("a Host that is not this node's", () => {
  test.each([
    ["another name", "evil.example"],
    ["its own name at another port", "bus.test:80"],
    ["its own name without a port", "bus.test"],
    ["two names, as two headers arrive", `${OWN_HOST}, evil.example`],
    ["nothing", ""],
    ["a name that only begins like its own", `${OWN_HOST}.evil.example`],
  ])("is refused in every mode: %s", async (_what, host) => {
    for (const mode of ["off", "soft", "enforce"] as const) {
      using api = openTestApi({ mode });
      for (const path of ["/v1/rooms", "/healthz", "/nothing"]) {
        const answer = await api.overTcp("GET", path, { host: null, headers: { host } });
        expect([answer.status, problemOf(answer)]).toEqual([421, "host-unknown"]);
      }
      expect(api.refusals).toEqual([]);
    }
  });

  test("is refused when it is missing", async () => {
    using api = openTestApi({ mode: "off" });
    expect(problemOf(await api.overTcp("GET", "/healthz", { host: null }))).toBe("host-unknown");
  });

  test("is no matter of case", async () => {
    using api = openTestApi({ mode: "off" });
    const headers = { host: OWN_HOST.toUpperCase() };
    expect((await api.overTcp("GET", "/healthz", { host: null, headers })).status).toBe(200);
  });

  test("does not matter at the node's own socket", async () => {
    using api = openTestApi();
    expect((await api.atSocket("GET", "/v1/rooms", { host: "localhost" })).status).toBe(200);
  });
});

describe("a web page of another site", () => {
  test.each([
    ["its origin", { origin: "https://evil.example" }],
    ["no origin that it tells", { origin: "null" }],
    ["an own host under a scheme of no page", { origin: `ftp://${OWN_HOST}` }],
    ["an own name at another port", { origin: "http://bus.test" }],
    ["two origins", { origin: `http://${OWN_HOST}, https://evil.example` }],
    ["a navigation across sites", { "sec-fetch-site": "cross-site" }],
    ["a page of a sibling site", { "sec-fetch-site": "same-site" }],
    ["a word that is not known", { "sec-fetch-site": "elsewhere" }],
    [
      "its own origin, but the browser knows better",
      { origin: `http://${OWN_HOST}`, "sec-fetch-site": "cross-site" },
    ],
  ])("is refused in every mode: %s", async (_what, headers) => {
    for (const mode of ["off", "soft", "enforce"] as const) {
      using api = openTestApi({ mode });
      const answer = await api.overTcp("GET", "/v1/rooms", { headers });
      expect([answer.status, problemOf(answer)]).toEqual([403, "origin-foreign"]);
    }
  });

  test.each([
    ["a page of this node", { origin: `http://${OWN_HOST}`, "sec-fetch-site": "same-origin" }],
    ["the same over TLS", { origin: `https://${OWN_HOST}` }],
    ["an address typed by a person", { "sec-fetch-site": "none" }],
  ])("is not: %s", async (_what, headers) => {
    using api = openTestApi({ mode: "off" });
    expect((await api.overTcp("GET", "/v1/rooms", { headers })).status).toBe(200);
  });
});

describe("a link of another site", () => {
  const LINK = {
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
  };
  const asked = async (
    path: string,
    more: Readonly<Record<string, string>> = {},
    method = "GET",
  ) => {
    using api = openTestApi({ mode: "off" });
    const answer = await api.overTcp(method, path, { headers: { ...LINK, ...more } });
    return answer.status === 403 ? problemOf(answer) : "passed";
  };

  test("leads to the pages, from a sibling site too", async () => {
    for (const path of ["/", "/swagger", "/swagger?x=1", "/x/../swagger"]) {
      for (const site of ["cross-site", "same-site"]) {
        expect([path, await asked(path, { "sec-fetch-site": site })]).toEqual([path, "passed"]);
      }
    }
  });

  test("leads nowhere else, in any mode", async () => {
    const paths = ["/v1/rooms", "/v1/bus", "/v1/me", "/healthz", "/readyz", "/swagger/json"];
    for (const path of [...paths, "/swagger/", "/swagger/x", "/SWAGGER", "//", "/nothing"]) {
      expect([path, await asked(path)]).toEqual([path, "origin-foreign"]);
    }
  });

  test.each([
    ["a frame", { "sec-fetch-dest": "iframe" }],
    ["an old frame", { "sec-fetch-dest": "frame" }],
    ["an embedded thing", { "sec-fetch-dest": "embed" }],
    ["a script of the page", { "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script" }],
    ["a picture", { "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" }],
    ["a call by a script", { "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" }],
    ["a navigation that tells its origin", { origin: "https://evil.example" }],
    ["a navigation that hides its origin", { origin: "null" }],
  ])("opens no page for anything but a window of its own: %s", async (_what, more) => {
    for (const path of ["/", "/swagger"]) expect(await asked(path, more)).toBe("origin-foreign");
  });

  test("opens no page by another method", async () => {
    for (const method of ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      for (const path of ["/", "/swagger"]) {
        expect([method, await asked(path, {}, method)]).toEqual([method, "origin-foreign"]);
      }
    }
  });
});

describe("every route, by the node's own description", () => {
  /** Each method and path, with something in the place of every parameter. */
  async function listRoutes(): Promise<readonly (readonly [string, string])[]> {
    using api = openTestApi();
    const { json } = await api.atSocket("GET", "/swagger/json");
    const paths: Readonly<Record<string, object>> = json.paths;
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(
        (method) => [method.toUpperCase(), path.replaceAll(/\{[^}]+\}/g, "x")] as const,
      ),
    );
  }

  test("is closed to pages of other sites, in every mode", async () => {
    const routes = await listRoutes();
    expect(new Set(routes.map(([method]) => method))).toEqual(
      new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    );
    for (const mode of ["off", "soft", "enforce"] as const) {
      using api = openTestApi({ mode });
      for (const [method, path] of routes) {
        for (const headers of [
          { origin: "https://evil.example" },
          { origin: "null" },
          { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
        ]) {
          const answer = await api.overTcp(method, path, { headers });
          expect([method, path, problemOf(answer)]).toEqual([method, path, "origin-foreign"]);
        }
      }
      expect(api.bus.rows()).toBe(NO_ROWS);
    }
  });

  test("takes no form, nor text, where it changes something", async () => {
    using api = openTestApi({ mode: "off" });
    for (const [method, path] of await listRoutes()) {
      if (method === "GET") continue;
      for (const type of [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data",
      ]) {
        const asked = { headers: { "content-type": type }, raw: '{"name":"ops"}' };
        const answer = await api.overTcp(method, path, asked);
        expect([method, path, problemOf(answer)]).toEqual([method, path, "media-type"]);
      }
    }
    expect(api.bus.rows()).toBe(NO_ROWS);
  });

  test("allows no page anything when a browser asks first", async () => {
    using api = openTestApi({ mode: "off" });
    for (const [method, path] of await listRoutes()) {
      for (const origin of ["https://evil.example", `http://${OWN_HOST}`]) {
        const headers = { origin, "access-control-request-method": method };
        const answer = await api.overTcp("OPTIONS", path, { headers });
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect([...answer.headers.keys()].filter((name) => name.startsWith("access-"))).toEqual([]);
      }
    }
  });
});

describe("a content type", () => {
  test.each([
    ["of a form", "application/x-www-form-urlencoded"],
    ["of a file", "multipart/form-data; boundary=x"],
    ["of plain text", "text/plain"],
    ["of JSON in another character set", "application/json; charset=latin1"],
    ["of two types at once", "text/plain, application/json"],
    ["of something like JSON", "application/jsonp"],
  ])("%s is refused for a mutation, with a body or without", async (_what, type) => {
    using api = openTestApi({ mode: "off" });
    const headers = { "content-type": type };
    const asked = [{ headers, raw: JSON.stringify({ name: "ops" }) }, { headers }];
    for (const one of asked) {
      const answer = await api.overTcp("POST", "/v1/rooms", one);
      expect([answer.status, problemOf(answer)]).toEqual([415, "media-type"]);
    }
    expect(api.bus.rows()).toBe(NO_ROWS);
  });

  test("is asked for when there is a body", async () => {
    using api = openTestApi();
    const raw = new TextEncoder().encode("{}");
    expect(problemOf(await api.atSocket("POST", "/v1/rooms", { raw }))).toBe("media-type");
  });

  test("is refused when it is coded", async () => {
    using api = openTestApi();
    const headers = { ...JSON_TYPE, "content-encoding": "gzip" };
    expect(problemOf(await api.atSocket("POST", "/v1/rooms", { raw: "{}", headers }))).toBe(
      "media-type",
    );
  });

  test.each([
    "application/json",
    "Application/JSON; charset=UTF-8",
    'application/json;charset="utf-8"',
  ])("%s is accepted", async (type) => {
    using api = openTestApi();
    const headers = { "content-type": type };
    const answer = await api.atSocket("POST", "/v1/rooms", { raw: '{"name":"ops"}', headers });
    expect(answer.status).toBe(201);
  });
});

describe("a query", () => {
  test("that names something twice is refused, not read as the last of them", async () => {
    using api = openTestApi();
    const answer = await api.atSocket("GET", "/v1/users?name=a&name=b");
    expect([answer.status, problemOf(answer)]).toEqual([400, "request-malformed"]);
  });

  test("with an unknown name is refused, on every kind of route", async () => {
    using api = openTestApi();
    const asked = [
      ["GET", "/v1/users?colour=red"],
      ["GET", "/healthz?x=1"],
      ["POST", "/v1/rooms?name=x"],
      ["DELETE", "/v1/rooms/x?force=1"],
    ] as const;
    for (const [method, path] of asked) {
      const answer = await api.atSocket(
        method,
        path,
        method === "POST" ? { body: { name: "x" } } : {},
      );
      expect([path, problemOf(answer)]).toEqual([path, "request-invalid"]);
      expect(answer.text).not.toContain("colour");
    }
  });
});

test("an Idempotency-Key that is too long, empty or sent twice is refused", async () => {
  using api = openTestApi();
  for (const key of ["", "x".repeat(129), "a, b", "a b"]) {
    const headers = { "idempotency-key": key };
    const answer = await api.atSocket("POST", "/v1/rooms", { body: { name: "ops" }, headers });
    expect([key, problemOf(answer)]).toEqual([key, "request-malformed"]);
  }
});
