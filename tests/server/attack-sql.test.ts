import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type Callers, openCallers, type SigningCaller } from "../harness/callers.ts";
import { count, recordProof } from "../harness/counts.ts";
import { watchHealth } from "../harness/health-watch.ts";
import { residentBytes } from "../harness/machine.ts";
import { testKey } from "../harness/raw-nats.ts";
import { SQL_PAYLOADS } from "../harness/sql-payloads.ts";
import {
  fillSlot,
  listStringSlots,
  type OpenApi,
  type StringSlot,
  type Valid,
} from "../harness/string-slots.ts";
import { type RunningUnibus, startUnibus, temporaryFolder } from "../harness/unibus.ts";

/** Members in which a text may be kept; every other one takes words of ours alone. */
const KEPT = ["name", "label"];
/** What a header can carry at all. */
const HEADER_TEXT = /^[\x20-\x7e\xa0-\xff]*$/;
/** Headers in which a caller says who it is; no document lists them as parameters. */
const PROOFS = ["authorization", "signature", "signature-input", "unibus-certificate"];
/** Words of SQLite's, and of the tables. */
const INNARDS = /sqlite|syntax error|near "|no such (?:table|column)|constraint|SELECT /i;

const MIB = 1024 * 1024;
const mib = (bytes: number): number => Math.round(bytes / MIB);

const folder = temporaryFolder();
const dataDir = join(folder.path, "data");
const args = ["--requests-per-address", "1000000", "--requests-per-user", "1000000"];
let unibus: RunningUnibus;
let callers: Callers;
let user: SigningCaller;
beforeAll(async () => {
  unibus = await startUnibus({ dataDir, args });
  callers = await openCallers(unibus);
  user = callers.signing();
  await unibus.ask("POST", "/v1/users", { user: user.user });
});
afterAll(async () => {
  await unibus[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** What is right in each place: something fresh where a request may use it up. */
const valid: Valid = async (name, place) => {
  const made = async <T>(asked: Promise<T>, id: keyof T) => (await asked)[id];
  switch (name) {
    case "user": {
      const key = testKey().user;
      if (place === "path") await unibus.ask("POST", "/v1/users", { user: key });
      return key;
    }
    case "room":
      return await made(unibus.ask<{ room: string }>("POST", "/v1/rooms", { name: "r" }), "room");
    case "token":
      return await made(user.get<{ token: string }>("POST", "/v1/tokens", READ), "token");
    case "invite":
      return await made(unibus.ask<{ invite: string }>("POST", "/v1/invites", {}), "invite");
    case "scope":
      return READ.scope;
    default:
      return { limit: "10", accept: "all", role: "member" }[name] ?? "x".repeat(43);
  }
};
const READ = { scope: "read" };

/** What a user does for itself is asked by one, signed; the rest by the operator, who may do most. */
const callerOf = ({ path }: StringSlot) =>
  /^\/v1\/(me|tokens|directory)|\/redeem$/.test(path) ? user : callers.operator;

const lastName = ({ name }: StringSlot): string => name.split(".").at(-1) ?? "";

/** A slot's payload, told apart from the same one in other slots: names of users are given once. */
const marked = (slot: StringSlot, payload: string, at: number): string =>
  KEPT.includes(lastName(slot)) && slot.place === "body" ? `${payload}${at}` : payload;

/** Sends one text in one place. Returns whether it was taken; it is then as it was sent. */
async function tryText(document: OpenApi, slot: StringSlot, text: string): Promise<boolean> {
  const what = `${slot.method} ${slot.path} ${slot.name} ${JSON.stringify(text)}`;
  const { method, path, headers, body } = await fillSlot(document, slot, { text, valid });
  const answer = await callerOf(slot).ask(method, path, { headers, body });
  expect([what, answer.status >= 500]).toEqual([what, false]);
  if (answer.status >= 300) {
    expect([what, answer.code]).not.toEqual([what, ""]);
    const detail: string = JSON.parse(answer.text).detail;
    expect([what, INNARDS.test(detail)]).toEqual([what, false]);
    return false;
  }
  if (slot.place !== "body") return true;
  // Only names and labels are free text.
  expect([what, KEPT]).toEqual([what, expect.arrayContaining([lastName(slot)])]);
  expect(JSON.parse(answer.text)[lastName(slot)]).toBe(text);
  return true;
}

interface Named {
  readonly name?: string | null;
  readonly label?: string;
  readonly token?: string;
}

/** Every name and label that the node tells of, page by page. */
async function listTexts(): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const list of ["users", "rooms", "invites", "tokens"]) {
    const caller = list === "tokens" ? user : callers.operator;
    let after = "";
    do {
      const page = await caller.get<Record<string, readonly Named[]> & { next: string | null }>(
        "GET",
        `/v1/${list}?limit=1000${after}`,
      );
      texts.push(...(page[list] ?? []).flatMap(({ name, label }) => name ?? label ?? []));
      after = page.next === null ? "" : `&after=${page.next}`;
    } while (after !== "");
  }
  return texts;
}

/** Makes room for more tokens, of which a user has so many. Returns what they were called. */
async function dropTokens(): Promise<readonly unknown[]> {
  const { tokens } = await user.get<{ tokens: readonly Named[] }>("GET", "/v1/tokens");
  for (const { token } of tokens) await user.ask("DELETE", `/v1/tokens/${token}`);
  return tokens.map(({ label }) => label);
}

function schemaOf(path: string): unknown {
  using database = new Database(path, { readonly: true });
  const [check] = database.query("PRAGMA integrity_check").values();
  expect(check).toEqual(["ok"]);
  return database.query("SELECT type, name, sql FROM sqlite_master ORDER BY name").all();
}

test("what means something in SQL is refused or kept to the letter, in every text of every route", async () => {
  const before = schemaOf(join(dataDir, "unibus.db"));
  const document = await unibus.ask<OpenApi>("GET", "/swagger/json");
  const slots: readonly StringSlot[] = [
    ...listStringSlots(document),
    ...PROOFS.map((name) => ({ method: "GET", path: "/v1/me", place: "header" as const, name })),
  ];
  expect(SQL_PAYLOADS.length).toBe(200);
  const every = SQL_PAYLOADS.length / count("sql-payloads");
  const payloads = SQL_PAYLOADS.filter((_, at) => at % every === 0);
  const residentBefore = residentBytes(unibus.pid);
  const health = watchHealth(unibus.httpUrl);
  const kept: string[] = [];
  let sent = 0;
  let tokens = 0;
  for (const [at, slot] of slots.entries()) {
    for (const payload of payloads) {
      if (slot.place === "header" && !HEADER_TEXT.test(payload)) continue;
      sent++;
      const text = marked(slot, payload, at);
      const isKept = (await tryText(document, slot, text)) && slot.place === "body";
      if (isKept) kept.push(text);
      // What is right in the place of a node's token is a token too, for want of a cluster.
      if (!/^\/v1\/(?:nodes\/)?tokens/.test(slot.path) && slot.path !== "/v1/nodes/join") continue;
      const labels = await dropTokens();
      if (isKept) expect(labels).toContain(kept.pop());
      tokens += isKept ? 1 : 0;
    }
  }
  const { p99Ms, failed } = await health.stop();
  const residentAfter = residentBytes(unibus.pid);
  expect([failed, p99Ms < 500]).toEqual([0, true]);
  expect(residentAfter - residentBefore).toBeLessThan(128 * MIB);
  // Users and rooms are named when they are made and changed, invites and tokens when they are made.
  expect(kept.length).toBeGreaterThan(5 * payloads.length * 0.7);
  expect(tokens).toBeGreaterThan(payloads.length * 0.7);
  const texts = await listTexts();
  expect(kept.filter((text) => !texts.includes(text))).toEqual([]);
  expect(unibus.log.filter(({ level }) => level === "error")).toEqual([]);
  await unibus.end();
  expect(schemaOf(join(dataDir, "unibus.db"))).toEqual(before);
  // A start goes through the whole journal again.
  unibus = await startUnibus({ dataDir, args });
  callers = await openCallers(unibus);
  user = callers.signing(user.signer);
  expect(await listTexts()).toEqual(texts);
  const numbers = {
    ...{ payloads: payloads.length, places: slots.length, sent },
    ...{ keptToTheLetter: kept.length + tokens, healthP99Ms: p99Ms },
    ...{ residentMiBBefore: mib(residentBefore), residentMiBAfter: mib(residentAfter) },
  };
  process.stderr.write(`texts that mean something in SQL: ${JSON.stringify(numbers)}\n`);
  recordProof("texts that mean something in SQL", numbers);
}, 300_000);
