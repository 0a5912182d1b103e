import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Answered, type SigningCaller, send } from "./callers.ts";

/** A body of the largest size that a change may have: what is in it, and blanks. */
export function paddedBody(value: object, sizeBytes = 16 * 1024): string {
  const text = JSON.stringify(value);
  return text.slice(0, -1) + " ".repeat(sizeBytes - Buffer.byteLength(text)) + text.slice(-1);
}

/** Asks for a change that nobody without rights may make, in the largest body. */
export async function askInVain(
  caller: SigningCaller,
  { url, number }: { readonly url: string; readonly number: number },
): Promise<Answered> {
  const path = `/v1/rooms/${"a".repeat(26)}/members/${caller.user}`;
  const asked = { method: "PUT", url: `${url}${path}`, body: paddedBody({ role: "member" }) };
  const headers = {
    "content-type": "application/json",
    "idempotency-key": `${number}`.padEnd(128, "-"),
  };
  const proof = caller.signer.sign({ ...asked, headers });
  const { method, body } = asked;
  return await send({ url: asked.url, init: { method, body, headers: { ...headers, ...proof } } });
}

/** Bytes of the database of a node, and of the streams of its nats-server. */
export function storedBytes(dataDir: string): number {
  return readdirSync(dataDir, { recursive: true })
    .map((name) => String(name))
    .filter((name) => /\.db(-wal)?$|jetstream/.test(name))
    .map((name) => statSync(join(dataDir, name), { throwIfNoEntry: false }))
    .reduce((sum, about) => sum + (about?.isFile() ? about.size : 0), 0);
}
