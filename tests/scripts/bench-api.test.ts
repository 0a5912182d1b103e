import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  benchRoom,
  benchUser,
  loadMemberships,
  membersOf,
  populationOf,
  ROOM_MEMBERS,
  randomPairs,
} from "../../scripts/bench/api-scene.ts";
import { loadOf } from "../../scripts/bench/api-side.ts";
import { signedGets } from "../../scripts/bench/api-signed.ts";
import { countMembers, findMember } from "../../src/store/members.ts";
import { openStoreForReading } from "../../src/store/open.ts";
import { verifyJournal } from "../../src/store/verify.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const MEMBERSHIPS = 4_000;
const BUS_ID = "0".repeat(32);

/** Answers a load on a free port, and keeps what it was asked. */
function answering(status: number) {
  const asked: { readonly path: string; readonly input: string }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch({ url, headers }) {
      asked.push({ path: new URL(url).pathname, input: headers.get("signature-input") ?? "" });
      return Response.json({ asked: asked.length }, { status });
    },
  });
  const side = { port: server.port ?? 0, pid: process.pid };
  return { asked, side, [Symbol.asyncDispose]: () => server.stop(true) };
}

describe("the memberships of the bench", () => {
  test("are spread evenly, and whoever asks for a room is in it", () => {
    const population = populationOf(MEMBERSHIPS);
    const rooms = Array.from({ length: population.rooms }, (_, room) =>
      membersOf(population, room),
    );
    const counts = Map.groupBy(rooms.flat(), (user) => user);
    expect(counts.size).toBe(population.users);
    expect(new Set([...counts.values()].map((one) => one.length))).toEqual(new Set([100]));
    for (const { user, room } of randomPairs(population, { users: 7, count: 100 })) {
      expect(membersOf(population, room)).toContain(user);
    }
  });

  test("are made by operations that the journal proves", async () => {
    using folder = temporaryFolder();
    const { operations, megabytes } = await loadMemberships(folder.path, 100);
    expect(megabytes).toBeGreaterThan(0);
    using store = openStoreForReading({ path: join(folder.path, "unibus.db") });
    expect(verifyJournal(store).entries).toBe(operations);
    const room = benchRoom(3);
    expect(countMembers(store, room)).toBe(ROOM_MEMBERS);
    const owner = { room, user: benchUser(membersOf(populationOf(100), 3)[0] ?? -1).user };
    expect(findMember(store, owner)).toMatchObject({ role: "owner", state: "active" });
  });
});

describe("the load of the bench", () => {
  test("sends as many requests as it is told, each signed with its own nonce", async () => {
    await using server = answering(200);
    const node = { ...server.side, busId: BUS_ID };
    const requests = signedGets({ node, memberships: MEMBERSHIPS }, { count: 200 });
    const { perSecond, p50Ms } = await loadOf(server.side, { requests, count: 200, prefix: [] });
    expect(Math.min(perSecond, p50Ms)).toBeGreaterThan(0);
    expect(server.asked).toHaveLength(200);
    expect(new Set(server.asked.map(({ input }) => input)).size).toBe(200);
    expect(server.asked.every(({ path }) => /^\/v1\/rooms\/[a-z2-7]{26}$/.test(path))).toBe(true);
  });

  test("ends at an answer that is no success: a refusal is quicker than what is measured", async () => {
    await using server = answering(429);
    const requests = { kind: "same", path: "/v1/me", headers: {} } as const;
    const load = loadOf(server.side, { requests, count: 10, connections: 1, prefix: [] });
    await expect(load).rejects.toThrow("api-load failed");
    expect(server.asked).toHaveLength(1);
  });
});
