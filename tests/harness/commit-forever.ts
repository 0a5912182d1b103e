/**
 * Commits operations to the database named by its argument until it is killed, and prints the number
 * and id of each when it was acknowledged. Run as a process by tests/write-path/kill.test.ts.
 */
import { randomBytes } from "node:crypto";
import { openWritePath } from "../../src/server/write-path.ts";
import { openNodeStore } from "../../src/store/head.ts";
import { anOperation, aUser } from "./builders.ts";

const store = openNodeStore({
  ...{ path: process.argv[2] ?? "", random: randomBytes },
  clustered: false,
});
const { commit } = openWritePath(store);
for (;;) {
  const operation = anOperation({ kind: "user.add", user: aUser(), name: null, role: "member" });
  const { seq } = await commit(operation);
  process.stdout.write(`${seq} ${operation.id}\n`);
}
