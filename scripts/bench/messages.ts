import { join } from "node:path";
import { isRoomId, type UserId } from "../../src/core/ids.ts";
import { memberPermissions } from "../../src/core/permissions.ts";
import { askNode, makeKeys, natsPortOf } from "./logins.ts";
import type { MessageJob } from "./message-load.ts";
import {
  benchFolder,
  freePort,
  natsPidOf,
  type PlainUser,
  pin,
  runLoad,
  startNode,
  startPlainNats,
} from "./servers.ts";
import { interleave, type Row, ratioOf, spreadOf } from "./statistics.ts";

const PAYLOAD_BYTES = 128;

interface Bench {
  readonly natsServer: string;
  readonly runs: number;
  readonly count: number;
}

/**
 * Messages of a room, from one connection to another, beside nats-server alone with the same subject:
 * without rights, with the same rights in its configuration, and without rights once more,
 * which tells how far two equal things differ here. Where that can be done, servers run on one core
 * and the load on another.
 */
export async function benchMessages(options: Bench): Promise<readonly Row[]> {
  using folder = benchFolder();
  const { keys, seeds } = makeKeys(1);
  const user = keys[0]?.user;
  if (user === undefined) throw new Error("A key was asked for");
  const dataDir = join(folder.path, "node");
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await startNode(dataDir));
  const subject = await makeRoom(dataDir, user);
  const plain = async (users: readonly PlainUser[] = []) => {
    const port = freePort();
    const place = { path: options.natsServer, folder: join(folder.path, `${port}`), port };
    const { pid } = stack.use(await startPlainNats({ ...place, users }));
    return { port, pid };
  };
  const servers = {
    room: { port: natsPortOf(node.line), pid: await natsPidOf(node) },
    alone: await plain(),
    rights: await plain([rightsOf(user, subject)]),
    again: await plain(),
  };
  const prefix = pin(Object.values(servers).map(({ pid }) => pid));
  const round =
    ({ port }: { readonly port: number }) =>
    (): Promise<number> => {
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
    room: round(servers.room),
    alone: round(servers.alone),
    rights: round(servers.rights),
    again: round(servers.again),
  });
  return [
    { what: "messages in a room, 128 B", unit: "/s", spread: spreadOf(rate.room) },
    { what: "nats-server alone, no rights", unit: "/s", spread: spreadOf(rate.alone) },
    { what: "nats-server alone, the same rights", unit: "/s", spread: spreadOf(rate.rights) },
    { what: "room / alone, no rights", unit: "", spread: ratioOf(rate.room, rate.alone) },
    {
      what: "room / alone, the same rights",
      unit: "",
      spread: ratioOf(rate.room, rate.rights),
      aim: "≥ 0.98",
    },
    { what: "alone / alone (A/A)", unit: "", spread: ratioOf(rate.again, rate.alone) },
  ];
}

/** Makes a room with its owner, and answers the subject below which it lies. */
export async function makeRoom(dataDir: string, owner: string): Promise<string> {
  await askNode(dataDir, "POST", "/v1/users", { user: owner });
  // The API answers a room with its subject.
  const room = (await askNode(dataDir, "POST", "/v1/rooms", { name: "bench", owner })) as {
    readonly subject: string;
  };
  return room.subject;
}

/** The rights of the owner of one room, as nats-server reads them in a configuration. */
export function rightsOf(user: UserId, subject: string): PlainUser {
  const [, , shard = "", id = ""] = subject.split(".");
  if (!isRoomId(id)) throw new Error(`${subject} is no subject of a room`);
  const membership = { id, history: "k", shard, role: "owner" } as const;
  return { nkey: user, permissions: memberPermissions(user, [membership]) };
}
