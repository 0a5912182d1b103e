// Tries NATS_WRITE_DEADLINE_MS of src/core/limits.ts: who does not read is out as others are.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { NATS_PENDING_BYTES_MAX, NATS_WRITE_DEADLINE_MS } from "../../src/core/limits.ts";
import { count, proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import type { TestKey } from "../harness/raw-nats.ts";
import { type Scene, type SceneRoom, startScene } from "../harness/scene.ts";
import { openSlowWire } from "../harness/slow-wire.ts";
import { openStallingClient } from "../harness/stalled-reader.ts";
import { openTlsPlace, startWithTls } from "../harness/tls-place.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const WAYS = ["revoked", "removed", "made a reader"] as const;
/** More than the kernel keeps for a client of loopback, and less than nats-server does. */
const FILL_BYTES = 12_000_000;
/** nats-server writes so many pieces at once, of at least so many bytes each; each write may take as long. */
const [WRITE_PIECES, PIECE_BYTES_MIN] = [1_024, 512];
const WRITES_MAX = NATS_PENDING_BYTES_MAX / (WRITE_PIECES * PIECE_BYTES_MIN) + 2;
const SLOW = { bufferBytes: 64 * 1024 };
/** A slow machine is given more time in the test command. */
const LAST_HEARD_MS_MAX = proving ? 1_200 : 2_000;

const folder = temporaryFolder();
const scenes: Partial<Record<"plain" | "TLS", Scene>> = {};
beforeAll(async () => {
  const place = await openTlsPlace(folder.path, "tls");
  [scenes.plain, scenes.TLS] = await Promise.all([startScene(), startWithTls(place)]);
});
afterAll(async () => {
  for (const scene of Object.values(scenes)) await scene[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Takes a right away. Resolves when the node says that it is taken. */
function take(scene: Scene, way: (typeof WAYS)[number], room: SceneRoom, key: TestKey) {
  if (way === "revoked") return scene.revoke(key);
  return way === "removed" ? scene.removeMember(room, key) : scene.setRole(room, key, "reader");
}

interface Stall {
  readonly kind: "plain" | "TLS";
  readonly way: (typeof WAYS)[number];
  /** Bytes of the messages that fill what waits for it. */
  readonly messageBytes: number;
  /** How fast the member reads: not at all, or just fast enough that no write takes too long. */
  readonly bytesPerSecond: number;
}

/** Has a member stall, and takes a right of it away. Returns how long the others heard it after that. */
async function lastHeardMs(stall: Stall): Promise<number> {
  const { kind, way, messageBytes, bytesPerSecond } = stall;
  const scene = scenes[kind];
  if (!scene) throw new Error("There is no node");
  const { port } = scene;
  const tls = kind === "TLS";
  const [mallory, bob] = [await scene.addUser(), await scene.addUser()];
  const theirs = await scene.addRoom([
    [mallory, "member"],
    [bob, "owner"],
  ]);
  const own = await scene.addRoom([[mallory, "owner"]]);
  using hearing = await openStallingClient(port, bob, { tls });
  hearing.send(`SUB ${theirs.subject}.> 1\r\n`);
  await hearing.drain();
  await using wire = await openSlowWire({ ...SLOW, bytesPerSecond, target: port });
  using stalled = await openStallingClient(bytesPerSecond > 0 ? wire.port : port, mallory, { tls });
  stalled.send(`SUB ${own.subject}.> 1\r\n`);
  await stalled.drain();
  using filling = await openStallingClient(port, mallory, { tls });
  if (bytesPerSecond === 0) stalled.stall();
  const speaking = setInterval(() => stalled.publish(theirs.as(mallory), "on"), 10);
  try {
    const message = "x".repeat(messageBytes);
    const length = own.as(mallory).length + messageBytes;
    for (let sent = 0; sent < FILL_BYTES; sent += length) filling.publish(own.as(mallory), message);
    await filling.drain();
    await eventually(() => hearing.messages > 0, { what: "the stalled one to be heard" });
    await take(scene, way, theirs, mallory);
    const takenAt = performance.now();
    await eventually(() => stalled.closed, { timeoutMs: 60_000, what: "the stalled one's end" });
    await hearing.drain();
    return hearing.lastAt - takenAt;
  } finally {
    clearInterval(speaking);
  }
}

describe("a member who reads nothing, and speaks on", () => {
  test.each(["plain", "TLS"] as const)(
    "is heard no longer than a write may take, once its right is taken, over %s [M-013]",
    async (kind) => {
      const rounds = count("stalled-readers");
      const times: number[] = [];
      for (let at = 0; at < rounds; at++) {
        const way = WAYS[at % WAYS.length] ?? "revoked";
        times.push(await lastHeardMs({ kind, way, messageBytes: 60_000, bytesPerSecond: 0 }));
      }
      times.sort((one, other) => one - other);
      const [p50, max] = [times[Math.ceil(rounds / 2) - 1] ?? 0, times.at(-1) ?? 0];
      recordProof(`stalled readers over ${kind}: last heard after the answer`, {
        rounds,
        p50Ms: Math.round(p50),
        maxMs: Math.round(max),
      });
      expect(max).toBeLessThan(LAST_HEARD_MS_MAX);
      // Else nothing was stalled, and nothing is shown.
      expect(p50).toBeGreaterThan(50);
    },
    600_000,
  );

  test.skipIf(!proving)(
    `or reads just enough, is heard for at most ${WRITES_MAX} writes${proving ? "" : " (prove: it takes half a minute)"}`,
    async () => {
      const small = { kind: "plain", way: "revoked", messageBytes: 350 } as const;
      const heardMs = await lastHeardMs({ ...small, bytesPerSecond: 2_000_000 });
      recordProof("a reader that reads just enough: last heard after the answer", {
        heardMs: Math.round(heardMs),
        boundMs: WRITES_MAX * NATS_WRITE_DEADLINE_MS,
      });
      expect(heardMs).toBeLessThan(WRITES_MAX * NATS_WRITE_DEADLINE_MS);
    },
    120_000,
  );
});
