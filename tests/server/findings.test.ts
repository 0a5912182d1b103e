import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createWorld } from "../harness/authorization-world.ts";
import {
  type Answered,
  type Callers,
  openCallers,
  type SigningCaller,
  send,
} from "../harness/callers.ts";
import { count, recordProof } from "../harness/counts.ts";
import { residentBytes } from "../harness/machine.ts";
import { openProxy, type ReverseProxy } from "../harness/proxy.ts";
import { loginRaw, testKey } from "../harness/raw-nats.ts";
import { createSigner } from "../harness/signer.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

// What audits and incidents of an earlier unibus found, each by its name there. H1 is tried in
// tests/server/attack-list.test.ts, SQL in texts in attack-sql.test.ts, the proxy that was one client
// to all in proxies.test.ts.

/** These ask faster than anybody may. */
const RATES = ["--requests-per-address", "1000000", "--requests-per-user", "1000000"];
let proxy: ReverseProxy;
let unibus: RunningUnibus;
let callers: Callers;
let admin: SigningCaller;

beforeAll(async () => {
  proxy = await openProxy();
  unibus = await startUnibus({ args: [...RATES, "--public-url", proxy.url] });
  proxy.aimAt(unibus.httpUrl);
  callers = await openCallers(unibus);
  admin = callers.signing();
  await callers.operator.get("POST", "/v1/users/seed", { user: admin.user });
});
afterAll(async () => {
  await unibus[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

async function addUser(): Promise<SigningCaller> {
  const user = callers.signing();
  await callers.operator.get("POST", "/v1/users", { user: user.user });
  return user;
}

test("H3: a registered user is no member: it reads no subject, no members, no rooms of others", async () => {
  const world = createWorld(callers);
  const room = await world.room();
  const { user } = await world.person("member");
  const outsider = await world.asker("outsider");
  for (const [path, told] of [
    [`/v1/rooms/${room}`, "404 room-not-found"],
    [`/v1/rooms/${room}/members`, "404 room-not-found"],
    [`/v1/users/${user}`, "403 forbidden"],
    ["/v1/users", "403 forbidden"],
  ] as const) {
    expect([path, (await outsider.ask("GET", path)).told]).toEqual([path, told]);
  }
  const own = await outsider.ask("GET", "/v1/rooms?limit=1000");
  expect([own.told, own.text.includes(room)]).toEqual(["200", false]);
  // Nor has an admin a way around: whose rooms are told is told by who is in them.
  const listed = await callers.operator.ask("GET", `/v1/users/${user}`);
  expect(listed.text).toContain(room);
  expect((await admin.ask("GET", `/v1/users/${user}`)).text).not.toContain(room);
});

test("H6: the owner of a room and the user of a token are who signed, whatever the body says", async () => {
  const [alice, mallory] = [await addUser(), await addUser()];
  const made = await mallory.get<{ room: string; createdBy: string }>("POST", "/v1/rooms", {
    name: "own",
  });
  expect(made.createdBy).toBe(mallory.user);
  const { members } = await mallory.get<{ members: { user: string; role: string }[] }>(
    ...(["GET", `/v1/rooms/${made.room}/members`] as const),
  );
  expect(members.map(({ user, role }) => [user, role])).toEqual([[mallory.user, "owner"]]);
  const ask = async (path: string, body: object) =>
    (await mallory.ask("POST", path, { body })).told;
  expect(await ask("/v1/rooms", { name: "x", owner: alice.user })).toBe("403 forbidden");
  for (const member of ["createdBy", "actor", "user", "by", "as", "sender"]) {
    const told = await Promise.all([
      ask("/v1/rooms", { name: "x", [member]: alice.user }),
      ask("/v1/tokens", { scope: "read", [member]: alice.user }),
    ]);
    expect([member, ...told]).toEqual([member, "422 request-invalid", "422 request-invalid"]);
  }
  expect((await alice.ask("GET", "/v1/rooms")).text).not.toContain("U");
  expect((await alice.ask("GET", "/v1/tokens")).text).toContain('"tokens":[]');
});

test("H7: keys that are no user's have no room in the memory of nonces, and cost no memory", async () => {
  const stranger = callers.signing();
  const invite = "a".repeat(26);
  const routes = [
    ["GET", "/v1/rooms", "401 user-unknown"],
    ["POST", `/v1/invites/${invite}/redeem`, "404 invite-not-found"],
  ] as const;
  for (const [method, path, told] of routes) {
    const body = method === "POST" ? { body: { proof: "x" } } : {};
    const request = stranger.prepare(method, path, body);
    // What is remembered is refused when it comes again; this is refused for what it is, each time.
    for (let at = 0; at < 3; at++) expect((await send(request)).told).toBe(told);
    const user = await addUser();
    const own = user.prepare(method, path, body);
    await send(own);
    expect((await send(own)).told).toBe("401 signature-repeated");
  }
  const requests = count("strangers");
  const before = residentBytes(unibus.pid);
  let asked = 0;
  const knock = async (): Promise<void> => {
    const signer = createSigner(callers.busId);
    while (asked++ < requests) {
      const key = asked % 10 === 0 ? createSigner(callers.busId) : signer;
      const path = `/v1/invites/${invite}/redeem`;
      const { told } = await callers.signing(key).ask("POST", path, { body: { proof: "x" } });
      expect(told).toBe("404 invite-not-found");
    }
  };
  await Promise.all(Array.from({ length: 8 }, knock));
  const grownMiB = Math.round((residentBytes(unibus.pid) - before) / 1024 / 1024);
  expect(grownMiB).toBeLessThan(64);
  expect((await (await addUser()).ask("GET", "/v1/rooms")).told).toBe("200");
  recordProof("requests signed by keys that are no user's", { requests, grownMiB });
}, 240_000);

test("N2: no subject of NATS gives what the API refuses: neither JetStream nor anything of the server", async () => {
  const user = await addUser();
  using client = await loginRaw(unibus.natsPort, user.signer.key);
  const subjects = [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.MSG.GET.KV_users",
    "$JS.API.DIRECT.GET.KV_users",
    "$JS.API.CONSUMER.CREATE.KV_rooms",
    "$KV.users.>",
    "$O.blobs.>",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.USER.AUTH",
    "cap.rm.k.0.x.y.z",
  ];
  for (const subject of subjects) {
    client.publish(subject.replace(">", "x"), "", `_INBOX.${user.user}.x.y`);
    client.subscribe(subject, "1");
  }
  await client.drain();
  expect(client.errors).toEqual(
    subjects.flatMap((subject) => [
      `'Permissions Violation for Publish to "${subject.replace(">", "x")}"'`,
      `'Permissions Violation for Subscription to "${subject}"'`,
    ]),
  );
  expect(client.messages).toEqual([]);
});

describe("H12: an error tells nothing of the inside", () => {
  /** What stands in the words of SQLite, of a stack, of a file or of a library, and never in ours. */
  const INSIDE =
    /sqlite|SQL\b|SELECT |INSERT |UPDATE .* SET|UNIQUE|constraint|no such (?:table|column)|database is|\.[jt]s\b|node_modules|\/src\/|\/tmp\/|\/home\/|\bat \w+ \(|\w+Error\b|undefined|\[object|NaN|elysia|typebox|\bBun\b/i;

  function expectOurs(what: string, answer: Answered): void {
    const { status, headers, text } = answer;
    expect([what, headers.get("content-type")]).toEqual([what, "application/problem+json"]);
    const problem = JSON.parse(text);
    expect(Object.keys(problem).sort()).toEqual(["code", "detail", "status", "title", "type"]);
    expect([what, problem.status]).toEqual([what, status]);
    const { type: _, ...words } = problem;
    expect([what, INSIDE.exec(JSON.stringify(words))?.[0] ?? null]).toEqual([what, null]);
    expect([what, text.includes(unibus.dataDir), text.includes(MARK)]).toEqual([
      ...[what, false, false],
    ]);
  }
  const MARK = "zq9x";
  const texts = [
    MARK,
    `${MARK}'; DROP TABLE users; --`,
    `../../../etc/passwd${MARK}`,
    `${MARK}\u0000`,
    `%${MARK}%`,
    `$${MARK}`,
    "\ud800",
    MARK.repeat(100),
  ];
  const values = [...texts, Number.MAX_VALUE, -1, 0.5, null, true, [], [[MARK]], {}, { [MARK]: 1 }];

  test("whatever stands in a path, a query or a body", async () => {
    let provoked = 0;
    const provoke = async (method: string, path: string, body?: unknown) => {
      for (const caller of [admin, callers.operator, callers.unsigned]) {
        const answer = await caller.ask(method, path, { body });
        if (answer.status < 400) continue;
        expect([method, path, answer.status < 500]).toEqual([method, path, true]);
        expectOurs(`${method} ${path}`, answer);
        provoked++;
      }
    };
    const { text } = await callers.operator.ask("GET", "/swagger/json");
    const { paths }: { paths: Record<string, object> } = JSON.parse(text);
    for (const [at, wrong] of texts.entries()) {
      const inPath = encodeURIComponent(wrong.toWellFormed());
      for (const [path, methods] of Object.entries(paths)) {
        const asked = path.replace(/\{\w+\}/g, inPath);
        for (const method of Object.keys(methods).map((name) => name.toUpperCase())) {
          const name = ["user", "name", "role", "scope", "proof", "room", MARK][at % 7] ?? MARK;
          const body = method === "GET" ? undefined : { [name]: values[at + texts.length - 1] };
          await provoke(method, `${asked}?${["after", "limit", "name", MARK][at % 4]}=${inPath}`);
          await provoke(method, asked, body);
        }
      }
    }
    for (const value of values) {
      for (const path of ["/v1/users", "/v1/rooms", "/v1/tokens", "/v1/invites"]) {
        await provoke("POST", path, { user: value, name: value, scope: value, rooms: value });
      }
    }
    expect(provoked).toBeGreaterThan(500);
    expect(unibus.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("when SQLite itself fails", async () => {
    await using held = await startUnibus();
    const { operator } = await openCallers(held);
    using database = new Database(join(held.dataDir, "unibus.db"));
    database.exec("BEGIN IMMEDIATE");
    const answer = await operator.ask("POST", "/v1/users", { body: { user: testKey().user } });
    database.exec("ROLLBACK");
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expectOurs("POST /v1/users, held", answer);
    expect(answer.text).not.toContain("unibus.db");
  }, 30_000);
});

describe("the directory incident: behind a reverse proxy that strips nothing", () => {
  let behind: Callers;
  beforeAll(async () => {
    behind = await openCallers(unibus, { url: proxy.url });
  });

  test("each route is reached at exactly its documented path, and its pages too", async () => {
    const signed = behind.signing(admin.signer);
    const { text } = await behind.unsigned.ask("GET", "/swagger/json");
    const { paths }: { paths: Record<string, object> } = JSON.parse(text);
    let reached = 0;
    for (const [path, methods] of Object.entries(paths)) {
      const asked = path.replace(/\{(\w+)\}/g, (_all, name) =>
        name === "user" ? admin.user : "a".repeat(26),
      );
      for (const name of Object.keys(methods)) {
        const method = name.toUpperCase();
        const body = method === "GET" ? undefined : { unknown: true };
        const { told } = await signed.ask(method, asked, { body });
        expect(proxy.passed.at(-1)).toBe(`${method} ${asked}`);
        const isAsset = path.includes("{file}");
        const right =
          /^(?:200|403 forbidden|404 (?:room|invite|token)-not-found|422 request-invalid)$/;
        expect([method, path, isAsset || right.test(told), told]).toEqual([
          ...[method, path, true, told],
        ]);
        reached++;
      }
    }
    expect(reached).toBeGreaterThan(30);
    const found = await signed.ask("GET", "/v1/directory?name=nobody");
    expect([found.told, found.text]).toEqual(["200", '{"users":[]}']);
  });

  test("a path that the node does not know is a problem of ours, with or without a prefix", async () => {
    const signed = behind.signing(admin.signer);
    for (const path of ["/directory", "/unibus/v1/directory", "/v1/v1/directory", "/v1/nothing"]) {
      const answer = await signed.ask("GET", path);
      expect([path, answer.told]).toEqual([path, "404 route-not-found"]);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
    }
  });
});
