import type { PeerAnswer } from "../core/journal-stream.ts";

/** Asks all peers at once how far they are, and for their chain behind entry `seq`. */
export type AskPeers = (question: { readonly seq: number }) => Promise<readonly PeerAnswer[]>;

export type Comparison =
  | { readonly kind: "alike" }
  /** Peers have another history, and are fewer than those who have this one. */
  | { readonly kind: "others-differ"; readonly names: readonly string[] }
  /** This node has another history than as many peers as have this one, or more. */
  | { readonly kind: "differs"; readonly names: readonly string[] };

/**
 * Compares the chain behind one entry with those of peers. Nodes with one chain have one history; where
 * not all have, those that are no majority stop, because one of two histories is wrong.
 */
export function compareChains(chain: string, answers: readonly PeerAnswer[]): Comparison {
  const answered = answers.filter((answer) => answer.chain !== null);
  const names = answered.filter((answer) => answer.chain !== chain).map(({ name }) => name);
  if (names.length === 0) return { kind: "alike" };
  const alike = answered.length - names.length + 1;
  return { kind: alike > names.length ? "others-differ" : "differs", names };
}

/**
 * Names the peers whose disks are full, where without them no majority has room: each entry takes what they
 * keep. Who does not answer may have room.
 */
export function listWithoutRoom(
  answers: readonly PeerAnswer[],
  peersExpected: number,
): readonly string[] {
  const names = answers.filter(({ full }) => full).map(({ name }) => name);
  const withRoom = peersExpected + 1 - names.length;
  return withRoom * 2 > peersExpected + 1 ? [] : names;
}

/** Says whether an empty node may found a bus: all peers have answered, and none has one. */
export function mayFoundBus(answers: readonly PeerAnswer[], peersExpected: number): boolean {
  return answers.length >= peersExpected && answers.every(({ bus }) => bus === null);
}
