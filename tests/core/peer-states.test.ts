import { describe, expect, test } from "bun:test";
import { PEER_CLOSES_MAX, PEER_EFFECTS_MS, PEER_HUNG_MS } from "../../src/core/limits.ts";
import { createPeerStates, type Heartbeat } from "../../src/core/peer-states.ts";
import { testKey } from "../harness/raw-nats.ts";

const FENCE_MS = 20_000;
const LOOK_MS = 1_000;
const N2 = { id: "SERVER2", name: "n2" };
const N3 = { id: "SERVER3", name: "n3" };
const [alice, bob] = [testKey().user, testKey().user];
const heartbeat = (done: number, server = N2) => ({
  ...{ server: server.id, taken: done, done, service: "SERVICE" },
});

function openStates() {
  const states = createPeerStates({ fenceMs: FENCE_MS });
  states.look([N2, N3], LOOK_MS);
  return {
    ...states,
    heard: (beat: Heartbeat, now = 0) => states.heard(beat, now),
    lookFor(ms: number, servers = [N2, N3]) {
      for (let at = 0; at < ms; at += LOOK_MS) {
        states.look(servers, LOOK_MS);
        for (const { id } of states.silent(LOOK_MS)) states.answered(id, LOOK_MS);
      }
    },
    /** By server's name: "all", or so many users. */
    dueAt(now: number, mayFence = true) {
      return states
        .due({ now, mayFence })
        .map(({ server, users }) => `${server.name} ${users === "all" ? users : [...users]}`);
    },
  };
}

describe("who lost a right is closed", () => {
  test("at a peer that has not told in time that it did it, until it tells", () => {
    const states = openStates();
    states.heard(heartbeat(7, N3));
    expect(states.lost([alice], { entry: 7, now: 0 })).toBeTrue();
    expect(states.dueAt(PEER_EFFECTS_MS - 1)).toEqual([]);
    expect(states.dueAt(PEER_EFFECTS_MS)).toEqual([`n2 ${alice}`]);
    states.heard(heartbeat(6));
    expect(states.dueAt(PEER_EFFECTS_MS)).toEqual([`n2 ${alice}`]);
    states.heard(heartbeat(7));
    expect(states.dueAt(PEER_EFFECTS_MS)).toEqual([]);
  });

  test("nowhere when all peers have told so before", () => {
    const states = openStates();
    for (const server of [N2, N3]) states.heard(heartbeat(7, server));
    expect(states.lost([alice], { entry: 7, now: 0 })).toBeFalse();
    expect(states.dueAt(PEER_EFFECTS_MS)).toEqual([]);
  });

  test("not at a peer that says that it is at it, unless it falls silent before it is done", () => {
    const states = openStates();
    states.heard(heartbeat(7, N3));
    states.lost([alice], { entry: 7, now: 0 });
    states.heard({ ...heartbeat(6), taken: 7 }, 150);
    expect(states.dueAt(PEER_EFFECTS_MS)).toEqual([]);
    states.heard({ ...heartbeat(6), taken: 7 }, 300);
    expect(states.dueAt(300 + PEER_EFFECTS_MS - 1)).toEqual([]);
    expect(states.untilDue(300)).toBe(PEER_EFFECTS_MS);
    expect(states.dueAt(300 + PEER_EFFECTS_MS)).toEqual([`n2 ${alice}`]);
    expect(states.untilDue(300 + PEER_EFFECTS_MS)).toBeNull();
  });

  test("by the latest of the entries that it lost something by, and no later for that", () => {
    const states = openStates();
    states.heard(heartbeat(9, N3));
    states.lost([alice], { entry: 7, now: 0 });
    states.lost([alice, bob], { entry: 8, now: 500 });
    states.heard(heartbeat(7));
    expect(states.dueAt(PEER_EFFECTS_MS)).toEqual([`n2 ${alice}`]);
    expect(states.dueAt(PEER_EFFECTS_MS + 500)).toEqual([`n2 ${alice},${bob}`]);
  });

  test("at a peer that was away meanwhile, when it is back; not at the next server of that node", () => {
    const states = openStates();
    states.heard(heartbeat(7, N3));
    states.look([N3], LOOK_MS);
    states.lost([alice], { entry: 7, now: 0 });
    expect(states.dueAt(PEER_EFFECTS_MS)).toEqual([]);
    states.look([N2, N3], LOOK_MS);
    expect(states.dueAt(PEER_EFFECTS_MS)).toEqual([`n2 ${alice}`]);
    states.look([{ ...N2, id: "SERVER2B" }, N3], LOOK_MS);
    expect(states.dueAt(PEER_EFFECTS_MS)).toEqual([]);
  });

  test("with everybody at that server when they are more than are remembered", () => {
    const states = openStates();
    states.heard(heartbeat(7, N3));
    const many = Array.from({ length: PEER_CLOSES_MAX + 1 }, (_, at) => `U${at}` as typeof alice);
    states.lost(many.slice(1), { entry: 7, now: 0 });
    expect(states.dueAt(0)).toEqual([]);
    states.lost(many, { entry: 7, now: 0 });
    expect(states.dueAt(0)).toEqual(["n2 all"]);
  });
});

describe("a peer whose unibus is silent", () => {
  test("is called hung, then fenced, and neither when it is heard again", () => {
    const states = openStates();
    const told = () => states.hung({ mayFence: true });
    states.heard(heartbeat(0));
    states.lookFor(PEER_HUNG_MS, [N2]);
    expect(told()).toEqual({ hung: [], fenced: [] });
    states.lookFor(LOOK_MS, [N2]);
    expect(told()).toEqual({ hung: ["n2"], fenced: [] });
    states.lookFor(FENCE_MS - PEER_HUNG_MS - LOOK_MS, [N2]);
    expect(states.dueAt(0)).toEqual([]);
    states.lookFor(LOOK_MS, [N2]);
    expect(states.dueAt(0)).toEqual(["n2 all"]);
    expect(told()).toEqual({ hung: ["n2"], fenced: ["n2"] });
    states.heard(heartbeat(0));
    expect(states.dueAt(0)).toEqual([]);
    expect(told()).toEqual({ hung: [], fenced: [] });
  });

  test("is not fenced by a node that may be the one that is cut off", () => {
    const states = openStates();
    states.lookFor(2 * FENCE_MS);
    expect(states.dueAt(0, false)).toEqual([]);
    expect(states.hung({ mayFence: false })).toEqual({ hung: ["n2", "n3"], fenced: [] });
  });

  test("is not fenced while its nats-server does not answer either", () => {
    const states = openStates();
    for (let at = 0; at < 2 * FENCE_MS; at += LOOK_MS) states.look([N2, N3], LOOK_MS);
    expect(states.dueAt(0)).toEqual([]);
    expect(states.hung({ mayFence: true })).toEqual({ hung: ["n2", "n3"], fenced: [] });
  });

  test("is neither while there is no route to it: it is away, and closes its users itself", () => {
    const states = openStates();
    states.heard(heartbeat(0));
    states.lookFor(2 * FENCE_MS, [N3]);
    expect(states.dueAt(0)).toEqual(["n3 all"]);
    expect(states.hung({ mayFence: true }).hung).toEqual(["n3"]);
    states.lookFor(LOOK_MS);
    expect(states.hung({ mayFence: true }).hung).toEqual(["n3"]);
  });
});
