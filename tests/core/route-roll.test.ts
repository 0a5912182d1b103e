import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  decideRollStep,
  parseRollAnswer,
  parseRollHandOver,
  parseRollState,
  ROLL_PHASES,
  type RollAnswer,
  type RollHandOver,
  type RollPhase,
  renderRollState,
  rollFilesOf,
  rollMembers,
} from "../../src/core/route-roll.ts";

const ROLL = "a".repeat(64);

/** What a node's server has in a phase: whom it trusts, what it shows, takes and dials with. */
const CONFIGS: Readonly<
  Record<RollPhase, { trusts: string; shows: string; takes: string; dials: string }>
> = {
  received: { trusts: "old", shows: "old", takes: "old", dials: "old" },
  trusts: { trusts: "old new", shows: "old", takes: "old", dials: "old" },
  shows: { trusts: "old new", shows: "new", takes: "old", dials: "old" },
  demands: { trusts: "new", shows: "new", takes: "new", dials: "old new" },
  done: { trusts: "new", shows: "new", takes: "new", dials: "new" },
};

/** Whether a server of one phase gets a route to one of another, by either of them. */
function areJoined(one: RollPhase, other: RollPhase): boolean {
  const reaches = (from: RollPhase, to: RollPhase): boolean => {
    const [a, b] = [CONFIGS[from], CONFIGS[to]];
    return a.trusts.includes(b.shows) && b.trusts.includes(a.shows) && a.dials.includes(b.takes);
  };
  return reaches(one, other) || reaches(other, one);
}

interface Model {
  readonly name: string;
  phase: RollPhase;
  /** Where it is going; null when it is between no two phases. */
  next: RollPhase | null;
}

type Act =
  | { readonly kind: "ask"; readonly who: number; readonly late: readonly number[] }
  | { readonly kind: "arrive" | "kill"; readonly who: number };

const ACTS: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    kind: fc.constant("ask" as const),
    who: fc.nat(6),
    late: fc.array(fc.nat(3), { minLength: 7, maxLength: 7 }),
  }),
  fc.record({ kind: fc.constantFrom("arrive" as const, "kill" as const), who: fc.nat(6) }),
);

function answerOf(nodes: readonly Model[], { name, phase, next }: Model): RollAnswer {
  const routes = nodes.map((node) => node.name).filter((other) => other !== name);
  return { name, roll: ROLL, phase, ready: next === null, routes };
}

describe("a roll of CA and secret goes over the nodes so that", () => {
  test("never two are between two phases, no two are ever cut off from each other, and it ends when all answer", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.array(ACTS, { maxLength: 300 }),
        (size, acts) => {
          const nodes = Array.from({ length: size }, (_, at): Model => {
            return { name: `n${(at * 5) % 7}`, phase: "received", next: null };
          });
          const expected = nodes.map(({ name }) => name);
          // What each said lately, the latest first.
          const said = nodes.map((node) => [answerOf(nodes, node)]);
          const check = (): void => {
            const phases = nodes.map(({ phase, next }) =>
              next === null ? [phase] : [phase, next],
            );
            expect(nodes.filter(({ next }) => next !== null).length).toBeLessThanOrEqual(1);
            for (const one of phases) {
              for (const other of phases.filter((list) => list !== one)) {
                expect(one.every((a) => other.every((b) => areJoined(a, b)))).toBeTrue();
              }
            }
          };
          const ask = (who: number, late: readonly number[]): void => {
            const node = nodes[who % size];
            if (!node || node.next !== null) return;
            const answers = said.flatMap((list, at) => list[late[at] ?? 0] ?? []);
            const own = answerOf(nodes, node);
            const decision = decideRollStep({ own, expected, answers });
            if (decision.kind === "step") node.next = decision.to;
          };
          const arrive = (node: Model | undefined): void => {
            if (!node?.next) return;
            // Killed or not: what it is to be was written before.
            node.phase = node.next;
            node.next = null;
          };
          const speak = (): void => {
            for (const [at, node] of nodes.entries()) said[at]?.unshift(answerOf(nodes, node));
          };
          for (const act of acts) {
            if (act.kind === "ask") ask(act.who, act.late);
            else arrive(nodes[act.who % size]);
            check();
            speak();
          }
          for (let round = 0; round <= 2 * (size + 1) * ROLL_PHASES.length; round++) {
            for (const [at, node] of nodes.entries()) {
              arrive(node);
              speak();
              ask(at, []);
              check();
            }
          }
          expect(nodes.every(({ phase }) => phase === "done")).toBeTrue();
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("a node waits", () => {
  const say = (name: string, more: Partial<RollAnswer> = {}): RollAnswer => {
    const routes = ["n1", "n2", "n3"].filter((other) => other !== name);
    return { name, roll: ROLL, phase: "trusts", ready: true, routes, ...more };
  };
  const decide = (answers: readonly RollAnswer[], unproven: readonly string[] = []) =>
    decideRollStep({ own: say("n2"), expected: ["n1", "n2", "n3"], answers, unproven });
  const ahead = say("n1", { phase: "shows" });

  test("for none when its turn has come", () =>
    expect(decide([ahead, say("n3")])).toEqual({ kind: "step", to: "shows" }));

  test.each([
    [[ahead], "n3, which does not answer"],
    [[say("n1"), say("n3")], "n1, whose turn it is"],
    [[ahead, say("n3", { phase: "received" })], "n3, whose turn it is"],
    [[ahead, say("n3", { roll: "b".repeat(64) })], "n3, which was not handed this roll"],
    [[ahead, say("n3", { ready: false })], "n3, which is not ready"],
    [[ahead, say("n3", { routes: ["n2"] })], "n3, which has no route to n1"],
    [[ahead, say("n3"), say("n3", { phase: "received" })], "n3, whose turn it is"],
  ])("and says for whom (%#)", (answers, reason) =>
    expect(decide(answers)).toEqual({ kind: "wait", reasons: [reason] }),
  );

  test("for one that answers and does not know the new secret", () =>
    expect(decide([ahead], ["n3"])).toEqual({
      kind: "wait",
      reasons: ["n3, which was not handed this roll"],
    }));

  test("for itself, when it is not ready", () => {
    const own = say("n2", { ready: false });
    const decision = decideRollStep({ own, expected: ["n1"], answers: [ahead] });
    expect(decision).toEqual({ kind: "wait", reasons: ["this node, which is not ready"] });
  });

  test("for nobody any more when it is through", () =>
    expect(
      decideRollStep({ own: say("n2", { phase: "done" }), expected: [], answers: [] }),
    ).toEqual({ kind: "over" }));
});

test("those are waited for who are of the roll or known, but for those left out or removed", () => {
  const known = { members: ["n2", "n4", "n5", "n3"], removed: ["n5"] };
  expect(rollMembers({ nodes: ["n1", "n2"], without: ["n3"] }, known)).toEqual(["n1", "n2", "n4"]);
});

const PEM = "-----BEGIN CERTIFICATE-----\nnew\n-----END CERTIFICATE-----\n";
const handOver: RollHandOver = {
  ...{ format: 1, node: "n1", nodes: ["n1", "n2"], without: ["n3"] },
  ...{ from: "0".repeat(64), roll: ROLL, ca: PEM, certificate: PEM.replace("new", "own") },
  password: "p".repeat(43),
};

describe("what is handed over, kept and answered", () => {
  test("is read back as it was written", () => {
    expect(parseRollHandOver(JSON.stringify(handOver))).toEqual(handOver);
    const state = { phase: "shows", handOver, oldCa: PEM, oldPassword: 'a "b"' } as const;
    expect(parseRollState(renderRollState(state))).toEqual(state);
  });

  test.each([
    { format: 2 },
    { node: "n 1" },
    { nodes: "n1" },
    { nodes: Array.from({ length: 1_001 }, () => "n1") },
    { without: [7] },
    { from: "0" },
    { roll: null },
    { ca: "none" },
    { ca: `${PEM}${"x".repeat(65_536)}` },
    { certificate: "" },
    { password: `${"p".repeat(42)}\n` },
  ])("is nothing with a wrong part (%#)", (wrong) =>
    expect(parseRollHandOver(JSON.stringify({ ...handOver, ...wrong }))).toBeNull(),
  );

  test.each(["", "null", "[]", "7", "{", '{"format":1}'])("is nothing as %s", (text) => {
    expect(parseRollHandOver(text)).toBeNull();
    expect(parseRollState(text)).toBeNull();
    expect(parseRollAnswer(text)).toBeNull();
  });

  test("is never a kept state that is through, and no answer with an unknown phase", () => {
    const state = { phase: "shows", handOver, oldCa: PEM, oldPassword: "x" } as const;
    expect(parseRollState(renderRollState(state).replace("shows", "done"))).toBeNull();
    const answer = { name: "n1", roll: ROLL, phase: "shows", ready: true, routes: ["n2"] };
    expect(parseRollAnswer(JSON.stringify(answer))).toEqual({ ...answer, phase: "shows" });
    for (const wrong of [
      { phase: "x" },
      { routes: {} },
      { ready: 1 },
      { name: "" },
      { roll: "" },
    ]) {
      expect(parseRollAnswer(JSON.stringify({ ...answer, ...wrong }))).toBeNull();
    }
  });
});

test("the files of a phase: the CAs side by side, then the certificate, and the secret with the old CA's end", () => {
  const oldCa = PEM.replace("new", "old");
  const filesIn = (phase: Exclude<RollPhase, "done">) =>
    rollFilesOf({ phase, handOver, oldCa, oldPassword: "before" });
  const { ca, certificate, password } = handOver;
  expect(filesIn("received")).toEqual({ ca: null, certificate: null, password: null });
  const both = `${PEM}${oldCa}`;
  expect(filesIn("trusts")).toEqual({ ca: both, certificate: null, password: null });
  expect(filesIn("shows")).toEqual({ ca: both, certificate, password: null });
  expect(filesIn("demands")).toEqual({ ca, certificate, password });
});
