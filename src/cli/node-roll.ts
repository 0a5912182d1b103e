import { processEnvironment } from "../config/environment.ts";
import type { NodeSettings } from "../config/load.ts";
import { loadFolderSettings } from "../config/node-file.ts";
import { orProblem, readConfiguredFile } from "../config/private-file.ts";
import {
  beginRoll,
  isThroughRoll,
  openHandOver,
  readRoll,
  rollFileOf,
  rollFilesFault,
  writeRoll,
} from "../config/route-roll.ts";
import { EXIT, Problem } from "../core/problems.ts";
import { hasCredentials, quote } from "../core/quote.ts";
import { parseRollHandOver, type RollHandOver } from "../core/route-roll.ts";
import { commandName, placeArguments, shellWord } from "./invocation.ts";
import { JSON_OPTION, show } from "./node-command.ts";
import { rollOptions } from "./node-options.ts";
import { defineStrict } from "./strict.ts";

export const nodeRollCommand = defineStrict({
  description:
    "Takes what `unibus cert roll` made for this node: a new bus CA, certificate and secret of routes. The node may run or not. Nothing changes until all nodes have theirs; then they go over one at a time. The settings are those that the node is started with.",
  positionals: [{ name: "FILE", required: true, help: "this node's file, NAME.roll" }],
  options: [JSON_OPTION, ...rollOptions()],
  examples: ["unibus node roll n2.roll --data-dir n2"],
  run: ({ positionals, given }) => {
    const settings = loadFolderSettings(given, processEnvironment());
    refuseSettings(settings);
    const what = `Cannot take the roll from ${quote(positionals.FILE)}`;
    const text = orProblem("file-unusable", what, () =>
      readConfiguredFile(positionals.FILE, { secret: true }),
    );
    const { handOver, state } = take(text, settings);
    const { node, roll, nodes } = handOver;
    const file = rollFileOf(settings);
    show(
      { document: { node, roll, nodes, state, file }, lines: linesOf(settings, handOver, state) },
      given.json === true,
    );
    return EXIT.done;
  },
});

/** What the command found: it took the roll, has it already, or is through. */
type Found = "taken" | "known" | "done";

function take(
  text: string,
  settings: NodeSettings,
): { readonly handOver: RollHandOver; readonly state: Found } {
  const asked = parseRollHandOver(text.split("\n", 1)[0] ?? "");
  const kept = readRoll(settings);
  if (kept) {
    const { handOver } = kept;
    if (asked?.roll === handOver.roll && asked.node === handOver.node) {
      return { handOver, state: "known" };
    }
    throw new Problem(
      "file-exists",
      `Cannot take the roll: this node is in the middle of another one, which ends first; see: ${commandName()} health`,
    );
  }
  // The CA that signed it is trusted no more by then; nothing is taken of it either.
  if (asked && isThroughRoll(settings, asked)) return { handOver: asked, state: "done" };
  const fault = rollFilesFault(settings);
  if (fault !== null) {
    throw new Problem(
      "file-unusable",
      `Cannot take the roll: ${fault}; the roll of this node is done by hand, see "Roll the bus CA and the secret" in docs/cluster.md`,
    );
  }
  const handOver = openHandOver(text, settings);
  writeRoll(settings, beginRoll(handOver, settings));
  return { handOver, state: "taken" };
}

/** Refuses a node that has nothing to roll, or keeps it where nothing of ours can replace it. */
function refuseSettings(settings: NodeSettings): void {
  const { clusterName, routeTlsCert, clusterPass, clusterPassFile, routes } = settings;
  if (clusterName === "" || routeTlsCert === "") {
    throw refused(
      "the settings here are of no node whose routes have TLS; give --data-dir, or the settings that the node is started with",
    );
  }
  if (clusterPassFile === "") {
    const where = clusterPass === "" ? "there is none" : "it is in --cluster-pass";
    throw refused(
      `the password of the routes has to be in the file of --cluster-pass-file, and ${where}`,
    );
  }
  if (routes.some(hasCredentials)) {
    throw refused(
      "--routes hold a password of their own, which no roll replaces; leave it out of them, that of --cluster-pass-file is used",
    );
  }
}

function linesOf(
  settings: NodeSettings,
  { roll, nodes }: RollHandOver,
  state: Found,
): readonly string[] {
  if (state === "done") return ["This node is through this roll already: nothing was changed."];
  const first =
    state === "known" ? "This node has this roll already" : "This node has taken the roll";
  return [
    `${first} to the bus CA ${roll.slice(0, 16)}.`,
    `It begins when all of its nodes have theirs and answer: ${nodes.join(", ")}.`,
    "At each of four steps the clients of one node are dropped for a moment. To see where it is:",
    `  ${commandName()} health${placeArguments(settings)}`,
    `The new secret is in ${shellWord(rollFileOf(settings))} now; remove the file that you were handed.`,
  ];
}

function refused(why: string): Problem {
  return new Problem("cluster-refused", `Cannot take the roll: ${why}`);
}
