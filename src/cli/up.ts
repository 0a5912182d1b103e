import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { processEnvironment } from "../config/environment.ts";
import { loadQuickStartSettings, type NodeSettings } from "../config/load.ts";
import { withNodeFile } from "../config/node-file.ts";
import { KEYS_FOLDER } from "../core/node-files.ts";
import type { RunningNode } from "../server/boot.ts";
import { lacksAdmin, needsFirstAdmin, seedFirstAdmin } from "../server/first-admin.ts";
import { ensurePrivateFolder, realFile } from "../system/files.ts";
import { commandName, placeArguments } from "./invocation.ts";
import { makeKeyFile } from "./key-file.ts";
import { upOptions } from "./node-options.ts";
import { printLines } from "./output.ts";
import { runNode } from "./run-node.ts";
import { defineStrict } from "./strict.ts";

const ADMIN_KEY_FILE = "admin.nk";
const NO_PLAIN_ROOMS =
  "No plain rooms on a public address: start with --allow-plain-rooms if this machine may read them.";

export const upCommand = defineStrict({
  description:
    "The secure quick start: runs a node with --bus-auth enforce, makes the first admin's key once, and prints what to type next.",
  options: upOptions(),
  examples: ["unibus up", "unibus up --data-dir /var/lib/unibus"],
  run: ({ given }) => {
    const env = withNodeFile(given, processEnvironment());
    const settings = loadQuickStartSettings(given, env);
    return runNode({ settings, env, onReady: (node) => welcome(node, settings) });
  },
});

async function welcome(node: RunningNode, settings: NodeSettings): Promise<void> {
  const made = needsFirstAdmin(node) ? await makeFirstAdmin(node, settings) : null;
  const unibus = commandName();
  const place = placeArguments(settings);
  printLines([
    "",
    node.dataPlane.kind === "embedded"
      ? "unibus is up, and only admitted keys may connect."
      : "unibus is up, and only admitted keys may use its API; the NATS server is another one's.",
    `  NATS  ${node.natsUrl}`,
    `  API   ${node.httpUrl}`,
    ...(made ? ["", `The first admin's key was made; keep it: ${made}`] : []),
    ...(lacksAdmin(node)
      ? ["", `The bus has users and no admin; make one: ${unibus} user seed --key FILE${place}`]
      : []),
    "",
    "Next, in another terminal in this folder:",
    ...[
      "key new alice.nk",
      `user add $(${unibus} key show alice.nk) --name alice${place}`,
      ...(node.plainRooms
        ? [`room create ops --owner alice${place}`, `room show ops --as alice${place}`]
        : []),
    ].map((words) => `  ${unibus} ${words}`),
    ...(node.plainRooms ? [] : ["", NO_PLAIN_ROOMS]),
    "",
    "Stop with Ctrl-C.",
  ]);
}

/** Makes the key first: a seed that is admitted and then lost could never be used. */
async function makeFirstAdmin(node: RunningNode, settings: NodeSettings): Promise<string> {
  const folder = join(dirname(realFile(settings.db)), KEYS_FOLDER);
  ensurePrivateFolder(folder);
  const path = freeKeyPath(folder);
  await seedFirstAdmin(node, await makeKeyFile(path));
  return path;
}

/** A key of an earlier bus in this folder is somebody's key: it is neither taken nor overwritten. */
function freeKeyPath(folder: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? ADMIN_KEY_FILE : ADMIN_KEY_FILE.replace(".", `-${number}.`);
    const path = join(folder, name);
    if (!existsSync(path)) return path;
  }
}
