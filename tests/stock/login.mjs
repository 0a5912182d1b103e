// Logs in with nats.js under Node, some times one after the other, and says how each went.
//
//   node tests/stock/login.mjs PORT KEY-FILE TIMES
import { readFileSync } from "node:fs";
import process from "node:process";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";

const [port, keyFile, times] = process.argv.slice(2);
const seed = new TextEncoder().encode(readFileSync(keyFile, "utf8").trim());
for (let time = 0; time < Number(times); time++) {
  try {
    const bus = await connect({
      servers: `127.0.0.1:${port}`,
      authenticator: nkeyAuthenticator(seed),
      reconnect: false,
      timeout: 2_000,
    });
    await bus.close();
    process.stdout.write("in\n");
  } catch (error) {
    process.stdout.write(`refused: ${error.message}\n`);
  }
}
