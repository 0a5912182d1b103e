import { afterAll, expect, test } from "bun:test";
import { connectService } from "../../src/nats/connection.ts";
import { serviceKey } from "../../src/nats/service-key.ts";
import { writeCertificates } from "../harness/certificates.ts";
import { startExternalServer } from "../harness/external-nats.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const BUSY_TURNS = 8;
const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

test("a service whose thread is too busy to begin TLS in time connects all the same", async () => {
  const { cert, key } = await writeCertificates(folder.path);
  const own = serviceKey("user", crypto.getRandomValues(new Uint8Array(32)));
  await using server = await startExternalServer({
    tls: { cert_file: cert, key_file: key, handshake_first: "auto" },
    authorization: { users: [{ nkey: own.publicKey }] },
  });
  const endpoint = { host: "127.0.0.1", port: server.port, tls: true };
  // nats-server waits for the first word of TLS for 50 ms, which is less than each turn of the loop.
  let turns = 0;
  const busy = setInterval(() => {
    const untilAt = performance.now() + (turns++ < BUSY_TURNS ? 80 : 0);
    while (performance.now() < untilAt);
  }, 0);
  const connection = await connectService({ endpoint, key: own, name: "busy" }).finally(() =>
    clearInterval(busy),
  );
  expect(connection.isClosed()).toBe(false);
  await connection.close();
});

test("a service that is refused hears of it", async () => {
  const own = serviceKey("user", crypto.getRandomValues(new Uint8Array(32)));
  await using server = await startExternalServer({
    authorization: { users: [{ user: "somebody", password: "else" }] },
  });
  const endpoint = { host: "127.0.0.1", port: server.port, tls: false };
  await expect(connectService({ endpoint, key: own, name: "unknown" })).rejects.toThrow();
});
