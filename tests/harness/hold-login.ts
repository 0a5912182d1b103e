/**
 * Logs in at a nats-server and says "in", and "out" when it is closed; "refused" when it is not let in.
 * Run as a process inside a network of its own: `hold-login.ts HOST PORT SEED`, the seed in hex.
 */
import { eventually } from "./eventually.ts";
import { connectLine, openRaw, testKey } from "./raw-nats.ts";

const [, , host = "", port = "", seed = ""] = process.argv;
const key = testKey(Buffer.from(seed, "hex"));
const client = await openRaw(Number(port), host);
client.send(connectLine(key, client.info.nonce ?? ""));
if (await client.drain()) {
  process.stdout.write("in\n");
  await eventually(() => client.closed, { timeoutMs: 300_000, everyMs: 5 });
  process.stdout.write("out\n");
} else {
  process.stdout.write("refused\n");
}
process.exit();
