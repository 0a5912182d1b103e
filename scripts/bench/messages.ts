import { join } from "node:path";
import { askNode, makeKeys, natsPortOf } from "./logins.ts";
import type { MessageJob } from "./message-load.ts";
import { benchFolder, freePort, natsPidOf, runLoad, startNode, startPlainNats } from "./servers.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

const PAYLOAD_BYTES = 128;

/**
 * Messages of a room, from one connection to another, beside nats-server alone with the same subject;
 * and a second nats-server alone, which tells how far two equal things differ here. Where that can be
 * done, servers run on one core and the load on another.
 */
export async function benchMessages(options: {
  readonly natsServer: string;
  readonly runs: number;
  readonly count: number;
}): Promise<readonly Row[]> {
  using folder = benchFolder();
  const { keys, seeds } = makeKeys(1);
  const user = keys[0]?.user ?? "";
  const dataDir = join(folder.path, "node");
  await using node = await startNode(dataDir);
  await askNode(dataDir, "POST", "/v1/users", { user });
  // The API answers a room with its subject.
  const { subject } = (await askNode(dataDir, "POST", "/v1/rooms", {
    name: "bench",
    owner: user,
  })) as { readonly subject: string };
  const plain = () => ({
    path: options.natsServer,
    folder: join(folder.path, `${freePort()}`),
    port: freePort(),
  });
  const [one, other] = [plain(), plain()];
  await using first = await startPlainNats(one);
  await using second = await startPlainNats(other);
  const pinned = Bun.which("taskset") !== null && navigator.hardwareConcurrency > 1;
  const pids = [await natsPidOf(node), first.pid, second.pid];
  if (pinned) for (const pid of pids) Bun.spawnSync(["taskset", "-acp", "0", `${pid}`]);
  const prefix = pinned ? ["taskset", "-c", "1"] : [];
  const round = (port: number) => (): Promise<number> => {
    const job: MessageJob = {
      port,
      seed: seeds[0] ?? "",
      subject: `${subject}.${user}.msg`,
      payloadBytes: PAYLOAD_BYTES,
      count: options.count,
    };
    return runLoad<number>("message-load", job, prefix);
  };
  const rate = await interleave(options.runs, {
    room: round(natsPortOf(node.line)),
    alone: round(one.port),
    again: round(other.port),
  });
  return [
    { what: "messages in a room, 128 B", unit: "/s", spread: spreadOf(rate.room) },
    { what: "the same, nats-server alone", unit: "/s", spread: spreadOf(rate.alone) },
    { what: "room / alone", unit: "", spread: ratioOf(rate.room, rate.alone), aim: "≥ 0.98" },
    { what: "alone / alone (A/A)", unit: "", spread: ratioOf(rate.again, rate.alone) },
  ];
}
