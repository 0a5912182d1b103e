// Covers src/cli/token.ts, secret-file.ts and duration.ts.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { secondsOf } from "../../src/cli/duration.ts";
import { loggedIn, serveRemote } from "../harness/remote-node.ts";

// Each test runs several commands, and a busy machine starts processes slowly.
setDefaultTimeout(20_000);

describe("a token", () => {
  test("is printed alone on stdout, once, and works until it is revoked", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    const { machine } = ada;
    const { code, stdout, stderr } = await machine.cli("token", "create", "--label", "ci");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^ubt_[a-z2-7]{26}_[\w-]{43}\n$/)]);
    expect(stderr).toContain("it is not shown again");
    const token = stdout.trim();
    const ask = () => node.api.withToken(token)("GET", "/v1/me", { host: node.url.slice(8) });
    expect((await ask()).status).toBe(200);
    const list = await machine.cli("token", "list");
    expect(list.stdout).toMatch(
      /^TOKEN +SCOPE +ROOM +EXPIRES +LABEL\n[a-z2-7]{26} +read +all .* ci\n$/,
    );
    expect(list.stdout).not.toContain(token.slice(-43));
    // The text of a token that leaked names the token too.
    const revoked = await machine.json("token", "revoke", token);
    expect(revoked.document).toEqual({ token: token.slice(4, 30), revoked: true });
    expect((await ask()).status).toBe(401);
    expect((await machine.cli("token", "list")).stdout).toContain("token create");
  });

  test("is for one room, for as long as was said, as a document", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    const { machine } = ada;
    const { room } = (await machine.json("room", "create", "ops")).document;
    const asked = ["--scope", "write", "--room", "ops", "--life", "90s"];
    const { document } = await machine.json("token", "create", ...asked);
    expect(document).toMatchObject({
      scope: "write",
      room,
      secret: expect.stringMatching(/^ubt_/),
    });
    const lifeMs = Date.parse(document.expiresAt) - Date.parse(document.createdAt);
    expect(Math.round(lifeMs / 1000)).toBe(90);
    const [listed] = (await machine.json("token", "list")).document.tokens;
    expect([listed.token, Object.keys(listed).includes("secret")]).toEqual([document.token, false]);
  });

  test("goes to a file that only its owner may read, and is not printed then", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    const { machine } = ada;
    const file = join(machine.path, "ci.token");
    const { document } = await machine.json("token", "create", "--out", file);
    const secret = readFileSync(file, "utf8").trim();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect([document.file, JSON.stringify(document).includes(secret)]).toEqual([file, false]);
    const again = await machine.json("token", "create", "--out", file);
    expect([again.code, again.document.code]).toEqual([3, "file-exists"]);
    expect(readFileSync(file, "utf8").trim()).toBe(secret);
    // What cannot be written to is met before a token is made.
    const nowhere = await machine.json("token", "create", "--out", join(machine.path, "no/file"));
    expect([nowhere.code, nowhere.document.code]).toEqual([3, "file-unusable"]);
    expect((await machine.json("token", "list")).document.tokens).toHaveLength(1);
  });

  test("that is refused leaves no file", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    const file = join(ada.machine.path, "ci.token");
    const tooLong = ["--scope", "admin", "--life", "2h", "--out", file];
    const { code } = await ada.machine.json("token", "create", ...tooLong);
    expect([code > 0, existsSync(file)]).toEqual([true, false]);
  });

  test("cannot be made by a token, nor by the operator, who is no user", async () => {
    await using node = await serveRemote();
    using ada = await loggedIn(node);
    const { machine } = ada;
    mkdirSync(join(machine.path, "node"));
    const seeded = ["user", "seed", ada.key.user, "--db", join(machine.path, "node/unibus.db")];
    expect((await machine.cli(...seeded)).code).toBe(0);
    const operator = ["token", "list", "--db", join(machine.path, "node/unibus.db")];
    const { document } = await machine.json(...operator);
    expect(document).toMatchObject({
      code: "forbidden",
      detail: expect.stringMatching(/login URL --key FILE --data-dir FOLDER$/),
    });
    const file = join(machine.path, "ci.token");
    await machine.cli("token", "create", "--out", file);
    const login = ["login", node.url, "--ca", node.certificates.ca, "--token-file", file];
    expect((await machine.cli(...login)).code).toBe(0);
    expect((await machine.json("token", "create")).document.code).toBe("forbidden");
  });

  test("that has ended says how to get another one", async () => {
    let aheadMs = 0;
    await using node = await serveRemote({ parts: { now: () => Date.now() + aheadMs } });
    using ada = await loggedIn(node);
    const { machine } = ada;
    const file = join(machine.path, "ci.token");
    await machine.cli("token", "create", "--life", "60s", "--out", file);
    await machine.cli("login", node.url, "--ca", node.certificates.ca, "--token-file", file);
    aheadMs = 120_000;
    const { code, document } = await machine.json("whoami");
    expect([code, document.code]).toEqual([3, "token-expired"]);
    expect(document.detail).toContain("token create");
    writeFileSync(file, `ubt_${"a".repeat(26)}_${"x".repeat(43)}`);
    expect((await machine.json("whoami")).document.code).toBe("token-wrong");
  });
});

const DAY_MS = 24 * 3_600_000;

describe("a duration", () => {
  test.each([
    ["90s", 90],
    ["30m", 1_800],
    ["1h", 3_600],
    ["7d", 604_800],
  ])("%s is %d seconds", (life, seconds) =>
    expect(secondsOf({ life }, "life", { most: 7 * DAY_MS })).toBe(seconds),
  );

  test.each(["", "0s", "1", "1.5h", "h", "-1h", "1 h", "1w", "1h30m", "999999999d"])(
    "%p is none",
    (life) =>
      expect(() => secondsOf({ life }, "life", { most: DAY_MS })).toThrow(
        "like 90s, 30m, 1h or 7d",
      ),
  );

  test.each([
    ["25h", DAY_MS, "Cannot use --life: it is 25h, and may be 24h at most"],
    ["31d", 30 * DAY_MS, "Cannot use --life: it is 31d, and may be 30d at most"],
  ])("%s is too long where %d ms are the most", (life, most, words) =>
    expect(() => secondsOf({ life }, "life", { most })).toThrow(words),
  );

  test("is too short below the least", () =>
    expect(() => secondsOf({ life: "1s" }, "life", { least: 60_000, most: DAY_MS })).toThrow(
      "it is 1s, and has to be 60s at least",
    ));

  test("need not be given", () => expect(secondsOf({}, "life", { most: DAY_MS })).toBeUndefined());
});
