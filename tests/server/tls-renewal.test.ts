import { afterAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { copyFileSync, readFileSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Health } from "../../src/contract/health.ts";
import { recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { childrenOf } from "../harness/machine.ts";
import type { Scene } from "../harness/scene.ts";
import {
  awayTimes,
  connectAgainAndAgain,
  connectStockTls,
  halfSent,
  knockAllTheTime,
  openTlsPlace,
  replace,
  serials,
  startWithTls,
  statusUnder,
  staying,
  trustedBy,
  watchSwitch,
} from "../harness/tls-place.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const DAY_MS = 24 * 3_600_000;
/** A change is believed when two looks, a second apart, saw the same. */
const PATIENCE = { timeoutMs: 15_000 };
const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

/** The words of the log's lines of an event. */
function said(scene: Scene, event: string): readonly string[] {
  return scene.unibus.log.filter((line) => line.event === event).map(({ message }) => message);
}

describe("a certificate that is replaced while the node runs", () => {
  test("is served by both planes in the same second; clients come back by themselves, and a request under way is answered [M-072, M-083]", async () => {
    const place = await openTlsPlace(folder.path, "both");
    await using scene = await startWithTls(place);
    const { first } = place;
    const [alice, bob] = [await scene.addUser(), await scene.addUser()];
    const room = await scene.addRoom([
      [alice, "member"],
      [bob, "member"],
    ]);
    expect(await serials(scene)).toEqual([first.serial, first.serial]);
    const second = await place.make("second");
    const client = await connectAgainAndAgain(place, scene, bob);
    const away = awayTimes(client);
    const heard: string[] = [];
    client.subscribe(`${room.subject}.>`, {
      callback: (_error, message) => void heard.push(message.string()),
    });
    await client.flush();
    const underWay = await halfSent(place, scene, alice);
    const knocking = knockAllTheTime(place, scene, alice);

    replace(place.key, second.key);
    replace(place.cert, second.cert);
    const switched = await watchSwitch(scene, second.serial);
    const betweenMs = Math.abs(switched.api - switched.nats);
    expect(betweenMs).toBeLessThan(1_000);
    expect(underWay.logged()).toBe(false);
    expect(await underWay.finish()).toBe(201);

    await eventually(() => away.length > 0, { what: "the client to be back" });
    const knocks = await knocking.stop();
    expect(knocks.longestOutMs).toBeLessThan(2_000);
    const speaker = await connectStockTls(scene, alice, second.ca);
    await eventually(() => {
      speaker.publish(room.as(alice), "after");
      return heard.includes("after");
    });
    await speaker.close();
    await client.close();
    // Whoever knows the new authority alone is let in by both, and nobody who knows the first one.
    expect(await trustedBy(scene, alice, second.ca)).toEqual([true, true]);
    expect(await trustedBy(scene, alice, first.ca)).toEqual([false, false]);
    const events = scene.unibus.log.map(({ event }) => event);
    expect(events.indexOf("tls.renewing")).toBeLessThan(events.indexOf("tls.renewed"));
    expect(said(scene, "tls.renewing")).toEqual([
      expect.stringContaining("closes the connections"),
    ]);
    const told = scene.unibus.log.find(({ event }) => event === "tls.renewed");
    recordProof("a certificate is renewed", {
      betweenPlanesMs: round(betweenMs),
      apiClosedAndOpenMs: Number(told?.betweenMs),
      clientAwayMs: round(away[0] ?? 0),
      loginsMeanwhile: knocks.admitted,
      loginsRefused: knocks.refused,
      longestWithoutLoginMs: round(knocks.longestOutMs),
    });
  });

  test("a second time on the same day has to wait, and a nats-server that dies meanwhile comes back with the one in use", async () => {
    const place = await openTlsPlace(folder.path, "twice");
    await using scene = await startWithTls(place);
    const [second, third] = [await place.make("second"), await place.make("third")];
    // As a volume of Kubernetes changes: both files are behind one link.
    const link = join(folder.path, "twice", "current");
    symlinkSync(join(folder.path, "twice", "second"), link);
    for (const [path, name] of [
      [place.cert, "server.crt"],
      [place.key, "server.key"],
    ] as const) {
      symlinkSync(join(link, name), `${path}.link`);
      renameSync(`${path}.link`, path);
    }
    await watchSwitch(scene, second.serial);
    const user = await scene.addUser();
    await using client = await staying(place, scene, user);
    symlinkSync(join(folder.path, "twice", "third"), `${link}.new`);
    renameSync(`${link}.new`, link);
    const [words = ""] = await eventually(() => {
      const lines = said(scene, "tls.postponed");
      return lines.length > 0 ? lines : null;
    }, PATIENCE);
    const until = Date.parse(/served from (\S+) on/.exec(words)?.[1] ?? "");
    const end = new X509Certificate(readFileSync(second.cert)).validToDate.getTime();
    // The one in use ends in a day, so that the wait ends before it does.
    expect(until).toBe(end - 3_600_000);
    expect(await serials(scene)).toEqual([second.serial, second.serial]);
    expect(await client.isThere()).toBe(true);
    expect(third.serial).not.toBe(second.serial);

    const [natsServer = 0] = childrenOf(scene.unibus.pid);
    process.kill(natsServer, "SIGKILL");
    await eventually(() => said(scene, "nats.restarted").length > 0, PATIENCE);
    expect(await serials(scene)).toEqual([second.serial, second.serial]);
    expect(said(scene, "tls.postponed")).toHaveLength(1);
  });

  test("but does not fit its key, or has expired, changes nothing, and the log says once which file and why [M-050]", async () => {
    const place = await openTlsPlace(folder.path, "bad");
    await using scene = await startWithTls(place);
    const user = await scene.addUser();
    await using client = await staying(place, scene, user);
    const other = await place.make("other");
    const now = Date.now();
    const old = await place.make("old", { from: now - 2 * DAY_MS, to: now - DAY_MS });

    replace(place.cert, other.cert);
    await eventually(() => said(scene, "tls.unusable").length === 1, PATIENCE);
    expect(said(scene, "tls.unusable")[0]).toStartWith(
      `Cannot load NATS TLS: the file "${place.key}" is not the key of the certificate "${place.cert}"; the one in use stays`,
    );
    replace(place.cert, old.cert);
    replace(place.key, old.key);
    await eventually(() => said(scene, "tls.unusable").length === 2, PATIENCE);
    expect(said(scene, "tls.unusable")[1]).toContain(`"${place.cert}" has expired at`);
    // A third one is told, so the looks since then told nothing again.
    replace(place.cert, other.ca);
    await eventually(() => said(scene, "tls.unusable").length === 3, PATIENCE);
    expect(await serials(scene)).toEqual([place.first.serial, place.first.serial]);
    expect(said(scene, "tls.renewing")).toEqual([]);
    expect(await client.isThere()).toBe(true);
    expect(await scene.unibus.ask<Health>("GET", "/healthz")).toMatchObject({ ready: true });
  });
});

describe("a certificate of which two thirds are over", () => {
  test("is warned of in the log and in /healthz, until another one is served; its names are the node's own then [M-080]", async () => {
    const place = await openTlsPlace(folder.path, "aged");
    const now = Date.now();
    const aged = await place.make("aged", { from: now - 30 * DAY_MS, to: now + 10 * DAY_MS });
    copyFileSync(aged.cert, place.cert);
    copyFileSync(aged.key, place.key);
    await using scene = await startWithTls(place);
    const words = /^the certificate valid until \S+, with two thirds of its life over: renew it$/;
    await eventually(() => said(scene, "tls.aged").length > 0, PATIENCE);
    expect(said(scene, "tls.aged")).toEqual([expect.stringMatching(words)]);
    const before = await scene.unibus.ask<Health>("GET", "/healthz");
    expect(before).toMatchObject({ ready: true, warnings: [expect.stringMatching(words)] });
    expect(await statusUnder(scene, place, "bus.example")).toBe(421);

    const next = await place.make("next", { names: ["bus.example"] });
    replace(place.cert, next.cert);
    replace(place.key, next.key);
    await eventually(
      async () => (await serials(scene)).every((serial) => serial === next.serial),
      PATIENCE,
    );
    const after = await scene.unibus.ask<Health>("GET", "/healthz");
    expect(after).toMatchObject({ ready: true, warnings: [] });
    expect(after.parts.find(({ part }) => part === "certificate")?.detail).toStartWith(
      "valid until",
    );
    expect(await statusUnder(scene, place, "bus.example")).toBe(200);
  });
});

test("SIGHUP changes nothing: no client is dropped, no certificate is loaded", async () => {
  const place = await openTlsPlace(folder.path, "hangup");
  await using scene = await startWithTls(place);
  const user = await scene.addUser();
  await using client = await staying(place, scene, user);
  const [natsServer] = childrenOf(scene.unibus.pid);
  const events = scene.unibus.log.length;
  for (let times = 0; times < 3; times++) process.kill(scene.unibus.pid, "SIGHUP");
  expect((await scene.unibus.api("GET", "/healthz")).status).toBe(200);
  expect(await client.isThere()).toBe(true);
  expect(childrenOf(scene.unibus.pid)).toEqual([natsServer ?? 0]);
  const since = scene.unibus.log.slice(events).map(({ event }) => event);
  expect(since.filter((event) => event !== "request.answered")).toEqual([]);
});

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
