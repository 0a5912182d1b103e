import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Callers, openCallers, type SigningCaller } from "../harness/callers.ts";
import { writeCertificates } from "../harness/certificates.ts";
import { startUnibus, temporaryFolder } from "../harness/unibus.ts";
import { openWiretap, type Wiretap } from "../harness/wiretap.ts";

/** What is sensitive, each with the words that it stands in. */
type Sensitive = Readonly<Record<string, string>>;

/** Does by the API what people do, all of it over the wire, and says what of it is sensitive. */
async function live(callers: Callers, admin: SigningCaller): Promise<Sensitive> {
  const member = callers.signing();
  const userName = `user-${randomBytes(8).toString("hex")}`;
  const roomName = `room-${randomBytes(8).toString("hex")}`;
  await admin.get("POST", "/v1/users", { user: member.user, name: userName });
  const { room, subject } = await admin.get<{ room: string; subject: string }>(
    ...(["POST", "/v1/rooms", { name: roomName }] as const),
  );
  await admin.get("PUT", `/v1/rooms/${room}/members/${member.user}`, { role: "member" });
  const { secret: token } = await member.get<{ secret: string }>("POST", "/v1/tokens", {
    scope: "read",
  });
  const { secret: invite } = await admin.get<{ secret: string }>("POST", "/v1/invites", {});
  for (const path of ["/v1/users", "/v1/rooms", `/v1/rooms/${room}/members`, "/v1/invites"]) {
    await admin.get("GET", path);
  }
  await callers.bearing(token).get("GET", "/v1/me");
  await member.get("GET", `/v1/directory?name=${userName}`);
  const adminKey = admin.user;
  const memberKey = member.user;
  return { userName, roomName, room, subject, adminKey, memberKey, token, invite };
}

async function hear(tap: Wiretap, how: "plain" | "TLS") {
  using folder = temporaryFolder();
  const files = await writeCertificates(join(folder.path, "tls"));
  const scheme = how === "TLS" ? "https" : "http";
  const url = `${scheme}://127.0.0.1:${tap.port}`;
  const tls = how === "TLS" ? ["--tls-cert", files.cert, "--tls-key", files.key] : [];
  await using unibus = await startUnibus({ args: ["--public-url", url, ...tls] });
  tap.leadTo(Number(new URL(unibus.httpUrl).port));
  const callers = await openCallers(unibus, { url, ...(how === "TLS" ? { ca: files.ca } : {}) });
  const admin = callers.signing();
  await callers.operator.get("POST", "/v1/users/seed", { user: admin.user });
  const sensitive = await live(callers, admin);
  const heard = tap.heard;
  const told = Object.entries(sensitive).filter(([, word]) => heard.includes(word));
  return { told: told.map(([what]) => what), all: Object.keys(sensitive), heard };
}

test("on the wire, with TLS, stand no keys, names, rooms, subjects or secrets, and without it they do [M-009]", async () => {
  await using clear = await openWiretap();
  const inClear = await hear(clear, "plain");
  expect(inClear.told).toEqual(inClear.all);
  await using sealed = await openWiretap();
  const { told, heard } = await hear(sealed, "TLS");
  expect(told).toEqual([]);
  // It all went this way: about as much as in the clear, and nothing of HTTP in it.
  expect(heard.length).toBeGreaterThan(inClear.heard.length / 2);
  expect(inClear.heard).toContain("HTTP/1.1");
  expect(heard).not.toMatch(/HTTP\/1\.1|\/v1\/|unibus|Bearer/);
});
