import type { ClusterNodes } from "../../src/contract/nodes.ts";
import type { Cluster, ClusterNode } from "./cluster.ts";
import { addUser, loginAt } from "./cluster-scene.ts";
import type { RawNats, TestKey } from "./raw-nats.ts";

const SPEAK_MS = 10;

/** People in one room of a cluster, connected where a test needs them. */
export interface HungScene extends Disposable {
  /** Speaks at all nodes all the time; each message is the time at which it was sent. */
  readonly victim: TestKey;
  readonly victims: readonly RawNats[];
  /** Is in the room too, and loses it, but not the bus. */
  readonly removed: TestKey;
  readonly removedThere: RawNats;
  readonly room: string;
  /** Loses nothing: connected at the node that hangs, and at the others. */
  readonly bystander: TestKey;
  readonly bystanderThere: RawNats;
  readonly bystandersElsewhere: readonly RawNats[];
  /** When the last message was sent that somebody at another node heard. */
  lastHeardSentAt(): number;
}

/** Connects everybody; `there` is the index of the node that is to hang. */
export async function openHungScene(cluster: Cluster, there: number): Promise<HungScene> {
  const other = (there + 1) % 3;
  const third = (there + 2) % 3;
  const [victim, removed, bystander] = [
    await addUser(cluster, other),
    await addUser(cluster, other),
    await addUser(cluster, other),
  ];
  const { ask } = cluster.node(other).unibus;
  const { room, subject } = await ask<{ room: string; subject: string }>("POST", "/v1/rooms", {
    name: `hung ${there}`,
  });
  for (const { user } of [victim, removed, bystander]) {
    await ask("PUT", `/v1/rooms/${room}/members/${user}`, { role: "member" });
  }
  const at = (index: number, key: TestKey): Promise<RawNats> => loginAt(cluster, index, key);
  await cluster.ready();
  const victims = await Promise.all([0, 1, 2].map((index) => at(index, victim)));
  const removedThere = await at(there, removed);
  const bystanderThere = await at(there, bystander);
  const bystandersElsewhere = [await at(other, bystander), await at(third, bystander)];
  for (const listener of bystandersElsewhere) {
    listener.subscribe(`${subject}.*.msg`, "1");
    await listener.drain();
  }
  const speaking = setInterval(() => {
    for (const one of victims) {
      if (!one.closed) one.publish(`${subject}.${victim.user}.msg`, `${performance.now()}`);
    }
  }, SPEAK_MS);
  return {
    ...{ victim, victims, removed, removedThere, room },
    ...{ bystander, bystanderThere, bystandersElsewhere },
    lastHeardSentAt: () =>
      Math.max(
        ...bystandersElsewhere.flatMap(({ messages }) =>
          messages.map((one) => Number(one.payload)),
        ),
      ),
    [Symbol.dispose]() {
      clearInterval(speaking);
      for (const one of [...victims, removedThere, bystanderThere, ...bystandersElsewhere]) {
        one[Symbol.dispose]();
      }
    },
  };
}

/** What a node tells of another one: as its list has it, and whether its health warns of it. */
export async function toldOf(
  teller: ClusterNode,
  { name }: ClusterNode,
): Promise<"well" | "hung" | "fenced" | "told by one alone"> {
  const { nodes } = await teller.unibus.ask<ClusterNodes>("GET", "/v1/nodes");
  const listed = nodes.find(({ node }) => node === name);
  const { warnings } = await teller.health();
  const isWarned = warnings.some((words) => /unibus does not answer: .*\bn\d/.test(words));
  if (isWarned !== (listed?.hung ?? false)) return "told by one alone";
  if (listed?.fenced) return "fenced";
  return listed?.hung ? "hung" : "well";
}
