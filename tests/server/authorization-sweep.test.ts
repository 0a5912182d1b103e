import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CASES } from "../harness/authorization-cases.ts";
import {
  type AuthorizationTables,
  type Row,
  readAuthorizationTables,
} from "../harness/authorization-table.ts";
import { type Asker, createWorld, type World } from "../harness/authorization-world.ts";
import { type Answered, type Asked, type Callers, openCallers } from "../harness/callers.ts";
import { recordProof } from "../harness/counts.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

const tables: AuthorizationTables = readAuthorizationTables();
/** These ask faster than anybody may. */
const RATES = ["--requests-per-address", "1000000", "--requests-per-user", "1000000"];

interface Node {
  readonly unibus: RunningUnibus;
  readonly callers: Callers;
}
let enforce: Node;
let soft: Node;
let off: Node;

async function startNode(mode: string): Promise<Node> {
  const unibus = await startUnibus({ args: ["--bus-auth", mode, ...RATES] });
  // A bus has an admin before it has anybody else.
  const callers = await openCallers(unibus);
  await callers.operator.get("POST", "/v1/users/seed", { user: callers.signing().user });
  return { unibus, callers };
}

beforeAll(async () => {
  [enforce, soft, off] = await Promise.all([
    startNode("enforce"),
    startNode("soft"),
    startNode("off"),
  ]);
});
afterAll(async () => {
  await Promise.all([enforce, soft, off].map((node) => node?.unibus[Symbol.asyncDispose]()));
});

/** One question by one asker. */
interface Cell {
  readonly row: Row;
  readonly asker: string;
  readonly told: string;
}

/** What was asked, and what came back. */
interface Seen extends Cell {
  readonly name: string;
  readonly asked: Asked & { readonly path: string };
  readonly by: Asker;
  readonly answer: Answered;
}

function cellsOf(rows: readonly Row[], only = ""): readonly Cell[] {
  return rows
    .flatMap((row) => [...row.told].map(([asker, told]) => ({ row, asker, told })))
    .filter(({ asker }) => asker.endsWith(only));
}

function caseOf({ operation, what }: Row): string {
  return what === "" ? operation : `${operation}: ${what}`;
}

function changes({ row, told }: Cell): boolean {
  return told.startsWith("2") && !row.operation.startsWith("GET ");
}

async function prepare(world: World, cell: Cell): Promise<Omit<Seen, "answer">> {
  const name = caseOf(cell.row);
  const build = CASES[name];
  if (!build) throw new Error(`Nothing asks ${name}`);
  const by = await world.asker(cell.asker);
  return { ...cell, name, by, asked: await build(world, by) };
}

async function put(question: Omit<Seen, "answer">): Promise<Seen> {
  const { row, by, asked } = question;
  const answer = await by.ask(methodOf(row), asked.path, asked);
  return { ...question, answer };
}

function methodOf({ operation }: Row): string {
  return operation.split(" ")[0] ?? "";
}

/**
 * Asks everything. What is to be refused is asked around one room, and what is to change something
 * around a room of its own each, so that no question disturbs another one.
 */
async function sweep({ callers }: Node, cells: readonly Cell[]) {
  const shared = createWorld(callers);
  const questions: Omit<Seen, "answer">[] = [];
  for (const cell of cells) if (!changes(cell)) questions.push(await prepare(shared, cell));
  const before = await snapshot(callers);
  const seen: Seen[] = [];
  for (const question of questions) seen.push(await put(question));
  const after = await snapshot(callers);
  for (const cell of cells.filter(changes)) {
    seen.push(await put(await prepare(createWorld(callers), cell)));
  }
  return { shared, seen, before, after };
}

/** Everything that the operator can see of a bus. */
async function snapshot({ operator }: Callers): Promise<string> {
  const lists = ["users", "rooms", "invites"].map((name) => `/v1/${name}?limit=1000`);
  const { rooms } = await operator.get<{ rooms: { room: string }[] }>("GET", lists[1] ?? "");
  const members = rooms.map(({ room }) => `/v1/rooms/${room}/members`);
  const texts = [...lists, ...members].map(async (path) => (await operator.ask("GET", path)).text);
  return (await Promise.all(texts)).join("\n");
}

function differences(seen: readonly Seen[]): readonly string[] {
  return seen
    .filter(({ answer, told }) => answer.told !== told)
    .map(({ name, asker, told, answer }) => {
      return `${name} | ${asker}: the page says ${told}, the node ${answer.told} ${answer.text}`;
    });
}

/** Whoever is outside the room: without anything that counts, or with it for elsewhere. */
function isOutside({ asker }: Cell): boolean {
  return /^unsigned|^no user$|^revoked|^outsider$|elsewhere$|^admin: (read|write)$/.test(asker);
}

/** Whoever sees the room and not who is in it. */
function seesRoomAlone({ asker, row }: Cell): boolean {
  const isAdmin = asker === "admin" || asker === "admin: admin";
  if (isAdmin) return !row.operation.includes(" /v1/users");
  return asker === "pending" || asker === "writer";
}

/** The words of an answer that its asker neither sent nor is. */
function leaks(words: readonly string[], { by, asked, answer }: Seen): readonly string[] {
  const own = `${by.person?.user} ${by.person?.userName} ${asked.path} ${JSON.stringify(asked.body)}`;
  const told = `${answer.text}${JSON.stringify([...answer.headers])}`;
  return words.filter((word) => told.includes(word) && !own.includes(word));
}

/** All of an answer but when it was given. */
function wholeAnswer({ status, headers, text }: Answered): string {
  const lasting = [...headers].filter(([name]) => name !== "date");
  return JSON.stringify({ status, headers: lasting, text });
}

/** The same questions about another room. */
async function askElsewhere(seen: readonly Seen[], { from, to }: { from: string; to: string }) {
  return await Promise.all(
    seen.map(async (one) => {
      const asked: Seen["asked"] = JSON.parse(JSON.stringify(one.asked).replaceAll(from, to));
      const { answer } = await put({ ...one, asked });
      return { name: `${one.name} | ${one.asker}`, answer };
    }),
  );
}

describe("the page of answers", () => {
  test("has a row for every operation of the API's own description, and none for others", async () => {
    const answer = await enforce.callers.unsigned.ask("GET", "/swagger/json");
    const { paths }: { paths: Record<string, object> } = JSON.parse(answer.text);
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(
        (method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`,
      ),
    );
    for (const table of [tables.byKey, tables.byToken, tables.unsigned]) {
      const rows = [...tables.open, ...table];
      const written = new Set(rows.map(({ operation }) => operation));
      expect([...written].sort()).toEqual([...described].sort());
      expect(rows.map(caseOf)).toEqual([...new Set(rows.map(caseOf))]);
      expect(table.map(caseOf).sort()).toEqual(Object.keys(CASES).sort());
    }
  });

  test("says who is answered at all: everybody, on the pages that hold nothing of the data", async () => {
    const page = await enforce.callers.unsigned.ask("GET", "/swagger");
    const [asset = ""] = /\/swagger\/assets\/[^"]+/.exec(page.text) ?? [];
    for (const { row, told } of cellsOf(tables.open)) {
      const path = row.operation.split(" ")[1] ?? "";
      for (const asker of ["unsigned", "no user", "revoked", "member", "operator"]) {
        const { ask } = await createWorld(enforce.callers).asker(asker);
        const answer = await ask(methodOf(row), path.includes(":") ? asset : path);
        expect([row.operation, asker, answer.told]).toEqual([row.operation, asker, told]);
      }
    }
  });
});

describe.each([
  ["by key, under enforce", () => [enforce, cellsOf(tables.byKey)] as const],
  ["by token, under enforce", () => [enforce, cellsOf(tables.byToken)] as const],
  ["unsigned, under soft", () => [soft, cellsOf(tables.unsigned, "soft")] as const],
  ["unsigned, under off", () => [off, cellsOf(tables.unsigned, "off")] as const],
])("asked %s, the API", (_title, asking) => {
  let swept: Awaited<ReturnType<typeof sweep>>;
  beforeAll(async () => {
    const [node, cells] = asking();
    swept = await sweep(node, cells);
  }, 120_000);

  test("answers as the page says [M-014, M-065]", () => {
    expect(differences(swept.seen)).toEqual([]);
    recordProof(`authorisation ${_title}`, { questions: swept.seen.length });
  });

  test("changes nothing by what it refuses", () => {
    expect(swept.after).toEqual(swept.before);
  });

  test("tells nobody outside a room its id, name or subject, nor who is in it [M-009]", async () => {
    const { seen, shared } = swept;
    const { room, people } = shared.secrets;
    const around = seen.filter((cell) => !changes(cell));
    const told = (words: readonly string[], by: (cell: Cell) => boolean) =>
      around.filter(by).flatMap((one) => {
        return leaks(words, one).map((word) => `${one.name} | ${one.asker}: ${word}`);
      });
    expect(told([...room, ...people], isOutside)).toEqual([]);
    expect(told(people, seesRoomAlone)).toEqual([]);
  });

  test("answers for a room that is not yours as for one that is not there, to the byte", async () => {
    const { seen, shared } = swept;
    const from = await shared.room();
    const outside = seen.filter((one) => {
      return isOutside(one) && !changes(one) && JSON.stringify(one.asked).includes(from);
    });
    expect(outside.length).toBeGreaterThan(0);
    const gone = await createWorld(asking()[0].callers).room();
    await shared.operator.get("DELETE", `/v1/rooms/${gone}`);
    for (const to of [gone, "a".repeat(26)]) {
      const answers = await askElsewhere(outside, { from, to });
      const compared = answers.map(({ name, answer }) => `${name} ${wholeAnswer(answer)}`);
      expect(compared).toEqual(
        outside.map((one) => `${one.name} | ${one.asker} ${wholeAnswer(one.answer)}`),
      );
    }
  });
});

test("the search for what leaks sees what members are told (the control)", async () => {
  const world = createWorld(enforce.callers);
  const room = await world.room();
  for (const name of ["reader", "owner", "operator"]) {
    const by = await world.asker(name);
    const asked = { path: `/v1/rooms/${room}/members` };
    const row: Row = { operation: "GET /v1/rooms/:room/members", what: "", told: new Map() };
    const seen = await put({ row, asker: name, told: "200", name: "", by, asked });
    await world.person("another");
    expect([name, leaks(world.secrets.people, seen).length > 0]).toEqual([name, true]);
  }
});

test("a method that the API's description lacks is no operation: 401 to strangers, 405 to others", async () => {
  const operations = tables.byKey.map(({ operation }) => operation);
  const paths = new Set(operations.map((operation) => operation.split(" ")[1] ?? ""));
  const world = createWorld(enforce.callers);
  const owner = await world.asker("owner");
  const values: Record<string, string> = {
    ...{ room: await world.room(), user: (await world.person("another")).user },
    ...{ token: "a".repeat(26), invite: "a".repeat(26), node: "north" },
  };
  for (const pattern of paths) {
    const path = pattern.replace(/:(\w+)/g, (_all, name: string) => values[name] ?? "");
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      if (operations.includes(`${method} ${pattern}`)) continue;
      const told = async ({ ask }: Pick<Asker, "ask">) => (await ask(method, path)).told;
      // `/v1/users/seed` is no user, whatever else stands there.
      expect([method, pattern, await told(enforce.callers.unsigned)]).toEqual([
        ...[method, pattern, "401 unauthenticated"],
      ]);
      expect([method, pattern, await told(owner)]).toEqual([
        ...[method, pattern, "405 method-not-allowed"],
      ]);
    }
  }
});
