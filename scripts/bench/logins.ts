import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type TestKey, testKey } from "../../tests/harness/raw-nats.ts";
import type { LoginNumbers } from "./connect-load.ts";
import { benchFolder, freePort, runLoad, startNode, startPlainNats } from "./servers.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

const USERS = 64;
const IN_FLIGHT = 32;

/** Some keys, with the seeds that a load generator is told. */
export function makeKeys(count: number): { readonly keys: readonly TestKey[]; seeds: string[] } {
  const bytes = Array.from({ length: count }, () => randomBytes(32));
  return {
    keys: bytes.map((seed) => testKey(seed)),
    seeds: bytes.map((seed) => seed.toString("hex")),
  };
}

/** Asks a node's admin socket, and demands that it answers well. */
export async function askNode(
  dataDir: string,
  method: string,
  path: string,
  body: object,
): Promise<unknown> {
  const answer = await fetch(`http://localhost${path}`, {
    unix: join(dataDir, "unibus.sock"),
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return await answer.json();
}

/** Port of the NATS URL in a node's last line of starting. */
export function natsPortOf(line: string): number {
  const { natsUrl }: { natsUrl: string } = JSON.parse(line);
  return Number(new URL(natsUrl).port);
}

/** Logins decided by the callout, beside static nkeys that nats-server judges by itself. */
export async function benchLogins(options: {
  readonly natsServer: string;
  readonly runs: number;
}): Promise<readonly Row[]> {
  using folder = benchFolder();
  const { keys, seeds } = makeKeys(USERS);
  const dataDir = join(folder.path, "node");
  await using node = await startNode(dataDir);
  for (const { user } of keys) await askNode(dataDir, "POST", "/v1/users", { user });
  const plainPort = freePort();
  const users = keys.map(({ user }) => ({ nkey: user }));
  const jetstream = join(folder.path, "plain");
  await using _ = await startPlainNats({
    path: options.natsServer,
    folder: jetstream,
    users,
    port: plainPort,
  });
  const ports = { callout: natsPortOf(node.line), static: plainPort };
  const p50: Record<keyof typeof ports, number[]> = { callout: [], static: [] };
  const round = (which: keyof typeof ports) => async (): Promise<number> => {
    const job = { kind: "logins", port: ports[which], seeds };
    const serial = await runLoad<LoginNumbers>("connect-load", {
      ...job,
      count: 300,
      inFlight: 1,
    });
    p50[which].push(serial.p50Ms);
    const load = { ...job, count: 2_000, inFlight: IN_FLIGHT };
    return (await runLoad<LoginNumbers>("connect-load", load)).perSecond;
  };
  const rate = await interleave(options.runs, {
    callout: round("callout"),
    static: round("static"),
  });
  return [
    { what: "logins, 32 in flight, a node", unit: "/s", spread: spreadOf(rate.callout) },
    { what: "the same, static nkeys", unit: "/s", spread: spreadOf(rate.static) },
    { what: "node / static", unit: "", spread: ratioOf(rate.callout, rate.static), aim: "≥ 0.65" },
    {
      what: "one login after the other, p50, a node",
      unit: "ms",
      spread: spreadOf(p50.callout),
      aim: "≤ 2",
    },
    { what: "the same, static nkeys", unit: "ms", spread: spreadOf(p50.static) },
  ];
}
