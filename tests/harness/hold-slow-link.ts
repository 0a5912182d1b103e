/**
 * A bad link in a process of its own, inside whatever network it is started in:
 * `hold-slow-link.ts OPTIONS`, as JSON. Says a line when it listens; then answers each line of its input,
 * "on", "off", "close" or "counts", with a line of JSON, until the input ends.
 */
import { readLines } from "./lines.ts";
import { createRandom } from "./random.ts";
import { openSlowLink } from "./slow-link.ts";

const { seed, ...options } = JSON.parse(process.argv[2] ?? "");
const link = await openSlowLink({ ...options, random: createRandom(seed) });
process.stdout.write(`${JSON.stringify(link.ports)}\n`);
await readLines(Bun.stdin.stream(), (word) => {
  if (word === "on" || word === "off") link.setTrouble(word);
  if (word === "close") link.close();
  process.stdout.write(`${JSON.stringify(link.counts())}\n`);
});
process.exit();
