import { describe, expect, test } from "bun:test";
import { connect, createServer } from "node:net";
import type { Page } from "playwright-core";
import { CHROMIUM, openChromium } from "../harness/chromium.ts";
import { eventually } from "../harness/eventually.ts";
import { openPort } from "../harness/loopback.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

const missing = CHROMIUM ? "" : " (needs chromium-headless-shell)";

/** Names that are this machine for the browser. */
const FOREIGN = "foreign.test";
const REBOUND = "rebound.test";

/** What a page of somebody else's tries on a node, all of it without asking. */
const ATTACKS = `async (target) => {
  const json = JSON.stringify({ name: "forged" });
  const send = (init) => fetch(target, { method: "POST", ...init }).catch(() => null);
  await send({ mode: "no-cors", body: json });
  await send({ mode: "no-cors", body: new URLSearchParams({ name: "forged" }) });
  await send({ mode: "no-cors", body: new Blob([json], { type: "text/plain" }) });
  await send({ headers: { "content-type": "application/json" }, body: json });
  await send({ mode: "no-cors", credentials: "include", keepalive: true, body: json });
  navigator.sendBeacon(target, json);
  navigator.sendBeacon(target, new Blob([json], { type: "application/x-www-form-urlencoded" }));
  const asked = await fetch(target, { mode: "no-cors" }).catch(() => null);
  const read = await fetch(target).then((answer) => answer.text()).catch(() => null);
  const frames = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"].map(
    (type) => new Promise((resolve) => {
      const frame = document.createElement("iframe");
      frame.name = type;
      document.body.append(frame);
      const form = document.createElement("form");
      Object.assign(form, { method: "post", action: target, enctype: type, target: type });
      const field = document.createElement("input");
      Object.assign(field, { name: '{"name":"forged","x":"', value: '"}' });
      form.append(field);
      document.body.append(form);
      frame.onload = resolve;
      form.submit();
    }),
  );
  await Promise.all(frames);
  return { asked: asked?.type ?? null, read };
}`;
const ATTACKS_THAT_ARRIVE = 10;

describe.skipIf(!CHROMIUM)(`a page of somebody else's${missing}`, () => {
  test.each(["off", "soft", "enforce"] as const)(
    "changes nothing by forms and requests, whatever its origin, in mode %s",
    async (mode) => {
      await using unibus = await startUnibus({ args: ["--bus-auth", mode] });
      using elsewhere = servePage();
      await using chromium = await openChromium({ names: [FOREIGN] });
      const before = await nextSeq(unibus);
      // Another site, and the same host with another port.
      for (const host of [FOREIGN, "127.0.0.1"]) {
        const page = await chromium.browser.newPage();
        await page.goto(`http://${host}:${elsewhere.port}/`);
        const refusedBefore = refusals(unibus, "origin-foreign").length;
        expect(await attack(page, unibus)).toEqual({ asked: "opaque", read: null });
        await eventually(
          () => refusals(unibus, "origin-foreign").length >= refusedBefore + ATTACKS_THAT_ARRIVE,
          { timeoutMs: 10_000, what: "the attacks to arrive" },
        );
      }
      expect(await nextSeq(unibus)).toBe(before + 1);
      expect(answered(unibus).filter((line) => Number(line.status) < 400)).toEqual([]);
    },
  );

  test.each(["off", "soft", "enforce"] as const)(
    "changes nothing when its name comes to point here, in mode %s",
    async (mode) => {
      await using unibus = await startUnibus({ args: ["--bus-auth", mode] });
      using name = await serveThenPointTo(Number(new URL(unibus.httpUrl).port));
      await using chromium = await openChromium({ names: [REBOUND] });
      const page = await chromium.browser.newPage();
      const origin = `http://${REBOUND}:${name.port}`;
      await page.goto(`${origin}/`);
      const before = await nextSeq(unibus);
      const { read } = await attack(page, unibus, `${origin}/v1/rooms`);
      expect(JSON.parse(read ?? "{}")).toMatchObject({ status: 421, code: "host-unknown" });
      await eventually(() => refusals(unibus, "host-unknown").length >= ATTACKS_THAT_ARRIVE, {
        timeoutMs: 10_000,
        what: "the attacks to arrive",
      });
      expect(await nextSeq(unibus)).toBe(before + 1);
      expect(answered(unibus).filter((line) => Number(line.status) < 400)).toEqual([]);
    },
  );

  test("would be seen if it changed something: a page of the node's own does", async () => {
    await using unibus = await startUnibus({ args: ["--bus-auth", "off"] });
    await using chromium = await openChromium({});
    const page = await chromium.browser.newPage();
    await page.goto(`${unibus.httpUrl}/`);
    const before = await nextSeq(unibus);
    const { read } = await attack(page, unibus);
    expect(read).toContain('"name":"forged"');
    expect(await nextSeq(unibus)).toBeGreaterThan(before + 1);
  });
});

const PAGE = "<!doctype html><title>elsewhere</title><body></body>";

/** A site of somebody else's, on a port of this machine. */
function servePage(): Disposable & { readonly port: number } {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(PAGE, { headers: { "content-type": "text/html" } }),
  });
  return { port: server.port ?? 0, [Symbol.dispose]: () => void server.stop(true) };
}

/**
 * What a name that moves is to a browser: the first request meets a site of somebody else's, and the
 * next ones the node.
 */
async function serveThenPointTo(nodePort: number): Promise<Disposable & { readonly port: number }> {
  let moved = false;
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (request) => {
      if (moved) {
        const node = connect(nodePort, "127.0.0.1");
        node.on("error", () => socket.destroy());
        node.write(request);
        socket.pipe(node).pipe(socket);
        return;
      }
      moved = true;
      const head = `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: ${PAGE.length}\r\nconnection: close`;
      socket.end(`${head}\r\n\r\n${PAGE}`);
    });
  });
  const port = await openPort(server);
  return { port, [Symbol.dispose]: () => void server.close() };
}

async function attack(
  page: Page,
  unibus: RunningUnibus,
  target = `${unibus.httpUrl}/v1/rooms`,
): Promise<{ readonly asked: string | null; readonly read: string | null }> {
  return await page.evaluate(`(${ATTACKS})(${JSON.stringify(target)})`);
}

/** Makes a change at the node's own socket, and returns its number in the journal. */
async function nextSeq(unibus: RunningUnibus): Promise<number> {
  const made = await unibus.api("POST", "/v1/rooms", { name: "ruler" });
  return Number(made.headers.get("unibus-seq"));
}

/** The requests over the network that the node has told of in its log. */
function answered(unibus: RunningUnibus) {
  return unibus.log.filter(({ event, from }) => event === "request.answered" && from !== "socket");
}

function refusals(unibus: RunningUnibus, problem: string) {
  return answered(unibus).filter((line) => line.problem === problem);
}
