import { resolve } from "node:path";
import { processEnvironment } from "../config/environment.ts";
import { loadFolderSettings } from "../config/node-file.ts";
import { Problem } from "../core/problems.ts";
import { lockStreams } from "../server/jetstream-folder.ts";
import { planRebuild, planReset, type StoppedPlace } from "../server/restore.ts";
import { realFile } from "../system/files.ts";
import { confirm, YES_OPTION } from "./confirm.ts";
import { commandName, placeArguments } from "./invocation.ts";
import { type Given, JSON_OPTION, show } from "./node-command.ts";
import { restoreOptions } from "./node-options.ts";
import { lockFolder } from "./offline.ts";
import { fields } from "./output.ts";
import { folderOf } from "./place.ts";
import { defineStrict } from "./strict.ts";

/** What is done to the folder of a node that does not run, so that its cluster goes on. */

export const nodeRebuildCommand = defineStrict({
  description:
    "Lets the bus go on from this node's database when the cluster's stream is lost or damaged, or most nodes are gone for good. The node must be stopped. Its journal is verified, JetStream's folder is put aside (never deleted), and the next start begins the stream anew behind the last entry here. What only other nodes had is lost: run it on the node that has most.",
  options: [YES_OPTION, JSON_OPTION, ...restoreOptions()],
  examples: ["unibus node rebuild --data-dir n1", "unibus node rebuild --data-dir n1 --yes --json"],
  run: async ({ given }) => {
    using held = hold(given);
    const { place, words } = held;
    const plan = planRebuild(place, Date.now());
    const { busId, generation, lastSeq } = plan.position;
    const lastEntryAt = timeOf(plan.lastEntryAt);
    await confirm({
      lines: [
        ...fields([
          ["bus", busId],
          ["generation", generation],
          ["last entry", `${lastSeq} of ${lastEntryAt ?? "no time"}`],
        ]),
        "",
        "The journal here is whole. The next start makes it the one that the bus goes on from:",
        `entries behind ${lastSeq} that only other nodes had are lost. If another node has more, rebuild from that one.`,
      ],
      question: `Shall the bus go on behind entry ${lastSeq}?`,
      given,
    });
    const aside = plan.run();
    const document = { bus: busId, generation, lastSeq, lastEntryAt, aside };
    const lines = [
      `The next start goes on behind entry ${lastSeq}.`,
      ...asideLines(aside),
      "Next:",
      `  on each other node that is left: ${commandName()} node reset --streams`,
      "  in place of those that are gone: empty nodes of new names, and --routes that name them",
      `  then start all of them; this one too: ${commandName()} serve${words} …`,
    ];
    show({ document, lines }, given.json === true);
  },
});

export const nodeResetCommand = defineStrict({
  description:
    "Lets this node of a cluster forget its database and take a copy from a peer, when its own is damaged or differs from the others'. The node must be stopped. The database is put aside (never deleted); node.env, keys and certificates stay, and so does JetStream's folder: a server that forgets it may vote against what it acknowledged. A node on its own is refused: nobody else has its bus.",
  options: [
    {
      name: "streams",
      kind: "boolean",
      help: "put JetStream's folder aside too: only for nodes that follow a rebuild",
    },
    YES_OPTION,
    JSON_OPTION,
    ...restoreOptions(),
  ],
  examples: ["unibus node reset --data-dir n2", "unibus node reset --streams --data-dir n2 --yes"],
  run: async ({ given }) => {
    using held = hold(given);
    const { place, words } = held;
    const streams = given.streams === true;
    const plan = planReset(place, { streams, at: Date.now() });
    const lastSeq = plan.position?.lastSeq ?? null;
    const what = plan.damaged
      ? "cannot be read"
      : lastSeq === null
        ? "is gone or empty"
        : `ends at entry ${lastSeq}`;
    if (!plan.done) {
      await confirm({
        lines: [
          `The database ${place.db} ${what}. It is put aside, and the next start takes a copy from a peer:`,
          "at least one other node must have the whole bus.",
          ...(streams
            ? [
                "What JetStream stored is put aside too: do this only after a rebuild on another node.",
              ]
            : []),
        ],
        question: "Shall this node forget what it has?",
        given,
      });
    }
    const aside = plan.done ? [] : plan.run();
    const lines = [
      plan.done ? "This node was reset before, and was not started since." : "This node is reset.",
      ...asideLines(aside),
      `Next, start it as before: ${commandName()} serve${words} …`,
    ];
    show({ document: { lastSeq, streams, aside }, lines }, given.json === true);
  },
});

interface Held extends Disposable {
  readonly place: StoppedPlace;
  /** What leads a later command there. */
  readonly words: string;
}

/** Finds a node's folders by its settings and takes their locks. Throws "folder-in-use" while it runs. */
function hold(given: Given): Held {
  const settings = loadFolderSettings(given, processEnvironment());
  const db = resolve(realFile(settings.db));
  const folder = folderOf({ db });
  using stack = new DisposableStack();
  const lock = stack.use(lockFolder(db, { make: false }));
  if (!lock) {
    throw new Problem(
      "folder-in-use",
      `Cannot change the data in "${folder}": its node runs, or another command is at it; stop the node first`,
    );
  }
  const place = { db, natsStore: resolve(settings.natsStore) };
  stack.use(lockStreams(place.natsStore));
  const locks = stack.move();
  return {
    place,
    words: placeArguments(settings),
    [Symbol.dispose]: () => locks.dispose(),
  };
}

function asideLines(aside: readonly string[]): readonly string[] {
  return aside.map((path) => `  put aside, and kept: ${path}`);
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
