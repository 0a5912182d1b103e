import { ROUTE_TLS_FOLDER } from "./bus-ca.ts";
import { type MadeRoll, rollBusCa } from "./ca-roll.ts";
import { DIR_OPTION, nodeNameOf } from "./cert-routes.ts";
import { commandName, shellWord } from "./invocation.ts";
import { JSON_OPTION, show } from "./node-command.ts";
import { PASSPHRASE_OPTION, readPassphrase } from "./passphrase.ts";
import { defineStrict } from "./strict.ts";

export const certRoll = defineStrict({
  description:
    "Makes a new bus CA and a new secret of routes, and writes for each node the file to hand to it, in the folder roll. A node that is left out, or was removed, gets no route afterwards, whatever files it has. The nodes go over one at a time, by themselves, once each has its file; nothing changes before.",
  options: [
    DIR_OPTION,
    {
      name: "without",
      kind: "text",
      value: "NAME",
      repeats: true,
      help: "a node that is left out: it gets no file, and nobody waits for it",
    },
    PASSPHRASE_OPTION,
    JSON_OPTION,
  ],
  examples: ["unibus cert roll --without n3 --passphrase-file ca.pass"],
  run: async ({ options }) => {
    const dir = options.dir ?? ROUTE_TLS_FOLDER;
    const without = [...new Set(options.without.map(nodeNameOf))].sort();
    const passphrase = await readPassphrase({ file: options["passphrase-file"], isNew: false });
    const made = await rollBusCa({ dir, passphrase, without, at: Date.now() });
    show({ document: made, lines: linesOf(made) }, options.json);
  },
});

function linesOf({ nodes, without, old, ca }: MadeRoll): readonly string[] {
  return [
    `Made a new bus CA, ${ca.slice(0, 16)}; the one before is in ${shellWord(old)}.`,
    ...(without.length > 0 ? [`Left out: ${without.join(", ")}.`] : []),
    "Hand each node its file, which holds the new secret, and type there:",
    ...nodes.map(({ node, file }) => {
      return `  ${node}: ${commandName()} node roll ${shellWord(`${node}.roll`)}  (${shellWord(file)})`;
    }),
    "They begin when all of them have it, and go one at a time; unibus health tells where they are.",
    "When they are through, remove the folder of these files.",
  ];
}
