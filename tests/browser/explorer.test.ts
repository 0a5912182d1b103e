import { afterAll, describe, expect, test } from "bun:test";
import type { ConsoleMessage, Page } from "playwright-core";
import type { RoomPage } from "../../src/contract/rooms.ts";
import type { NewToken } from "../../src/contract/tokens.ts";
import { openCallers } from "../harness/callers.ts";
import { CHROMIUM, openChromium } from "../harness/chromium.ts";
import { recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { type OwnNetwork, openOwnNetwork, runInside } from "../harness/own-network.ts";
import { type RunningUnibus, startUnibus } from "../harness/unibus.ts";

const network = CHROMIUM && Bun.which("curl") ? await openOwnNetwork() : null;
const missing =
  network === null ? " (needs chromium-headless-shell, unshare, nsenter, ip and curl)" : "";

afterAll(() => network?.[Symbol.asyncDispose]());

describe.skipIf(network === null)(`a browser${missing}`, () => {
  test("explores the API: with a token it makes a room, and nothing leaves the machine", async () => {
    const inside = network ?? fail();
    await callEveryAddressHome(inside);
    await using unibus = await startUnibus({ prefix: inside.prefix });
    const token = await createToken(unibus, inside);
    await using chromium = await openChromium({ network: inside });
    const page = await chromium.browser.newPage();
    const seen = watch(page);
    const before = await lostCalls(inside);

    await page.goto(`${unibus.httpUrl}/swagger`);
    await authorize(page, token.secret);
    expect(await tryOut(page, { tag: "rooms", id: "createRoom" })).toBe("201");
    const { rooms } = await unibus.ask<RoomPage>("GET", "/v1/rooms");
    expect(rooms.map(({ name, createdBy }) => ({ name, createdBy }))).toEqual([
      { name: "ops", createdBy: token.user },
    ]);

    const targets = await chromium.close();
    const host = new URL(unibus.httpUrl).host;
    expect(targets).toEqual([host]);
    expect((await lostCalls(inside)) - before).toBe(0);
    expect(new Set(seen.hosts)).toEqual(new Set([host]));
    expect(seen.complaints).toEqual([]);
    recordProof("explorer", { requests: seen.hosts.length, foreignHosts: 0, lostCalls: 0 });
  });

  test("calls no foreign host for a page of ours, and is seen when it calls one", async () => {
    const inside = network ?? fail();
    await callEveryAddressHome(inside);
    await using unibus = await startUnibus({ prefix: inside.prefix });
    await using chromium = await openChromium({ network: inside });
    const page = await chromium.browser.newPage();
    const seen = watch(page);
    const before = await lostCalls(inside);
    await page.goto(`${unibus.httpUrl}/swagger`);
    await page.evaluate('void (new Image().src = "http://192.0.2.1/x.png")');
    await page.evaluate('void (document.body.append(document.createElement("style")))');
    await eventually(() => seen.complaints.length >= 2, { what: "the policy to be applied" });
    expect(seen.complaints.every((words) => words.includes("Content Security Policy"))).toBe(true);
    expect((await lostCalls(inside)) - before).toBe(0);
    await expect(page.goto("http://192.0.2.1/")).rejects.toThrow("ERR_CONNECTION_REFUSED");
    expect((await lostCalls(inside)) - before).toBeGreaterThan(0);
    expect(await chromium.close()).toContain("192.0.2.1:80");
  });

  test("is told at / where it is, and every link there leads on", async () => {
    const inside = network ?? fail();
    await using unibus = await startUnibus({ prefix: inside.prefix });
    await using chromium = await openChromium({ network: inside });
    const page = await chromium.browser.newPage();
    const seen = watch(page);
    await page.goto(unibus.httpUrl);
    expect(await page.textContent("h1")).toBe("unibus");
    expect(await page.textContent(".facts")).toContain("mode enforce");
    expect(
      await page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth"),
    ).not.toBe("none");
    const names = await page.locator("a").allTextContents();
    expect(names).toEqual(["Explorer", "Health", "OpenAPI"]);
    for (const name of names) {
      const [response] = await Promise.all([
        page.waitForResponse((one) => one.request().isNavigationRequest()),
        page.getByRole("link", { name }).click(),
      ]);
      expect([name, response.status()]).toEqual([name, 200]);
      await page.goto(unibus.httpUrl);
    }
    expect(seen.complaints).toEqual([]);
  });
});

function fail(): never {
  throw new Error("These tests are skipped without a network of their own");
}

/** Makes every address one of the network's own: who calls a foreign one is refused, and counted. */
async function callEveryAddressHome(inside: OwnNetwork): Promise<void> {
  await runInside(inside, ["ip", "route", "replace", "local", "0.0.0.0/0", "dev", "lo"]);
}

/** How many TCP connections were refused in the network, and datagrams sent, which nobody here does. */
async function lostCalls(inside: OwnNetwork): Promise<number> {
  const table = await runInside(inside, ["cat", "/proc/net/snmp"]);
  const cell = (protocol: string, name: string): number => {
    const [names = [], values = []] = table
      .split("\n")
      .filter((line) => line.startsWith(`${protocol}: `))
      .map((line) => line.split(" "));
    return Number(values[names.indexOf(name)]);
  };
  return cell("Tcp", "AttemptFails") + cell("Udp", "OutDatagrams");
}

/** Makes a token of scope write for a new user, whose signed request comes from inside the network. */
async function createToken(
  unibus: RunningUnibus,
  inside: OwnNetwork,
): Promise<NewToken & { readonly user: string }> {
  const { operator, signing } = await openCallers(unibus);
  const alice = signing();
  await operator.get("POST", "/v1/users", { user: alice.user, name: "alice" });
  const { url, init } = alice.prepare("POST", "/v1/tokens", { body: { scope: "write" } });
  const headers = Object.entries(init.headers ?? {}).flatMap(([name, value]) => [
    "--header",
    `${name}: ${value}`,
  ]);
  const curl = ["curl", "--silent", "--max-time", "10", "--data-binary", "@-", ...headers, url];
  const answer = await runInside(inside, curl, String(init.body));
  // The shape of the route that was asked; without a secret the test fails at once.
  const token = JSON.parse(answer) as NewToken;
  if (token.secret === undefined) throw new Error(answer);
  return { ...token, user: alice.user };
}

/** Notes the host of every request of a page, and every complaint in its console. */
function watch(page: Page) {
  const hosts: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== "data:") hosts.push(host);
  });
  page.on("console", (message: ConsoleMessage) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return { hosts, complaints };
}

async function authorize(page: Page, secret: string): Promise<void> {
  await page.locator(".btn.authorize").click();
  const dialog = page.locator(".dialog-ux");
  await dialog.locator("input").fill(secret);
  await dialog.getByRole("button", { name: "Apply credentials" }).click();
  await dialog.locator(".btn-done").click();
}

/** Executes an operation with what the explorer proposes; returns the status that it shows. */
async function tryOut(
  page: Page,
  { tag, id }: { readonly tag: string; readonly id: string },
): Promise<string> {
  const operation = page.locator(`#operations-${tag}-${id}`);
  await operation.locator(".opblock-summary-control").click();
  await operation.locator(".btn.execute").click();
  const status = operation.locator(".live-responses-table .response-col_status");
  return ((await status.last().textContent()) ?? "").trim();
}
