import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeBusCa, makeNode } from "../../src/cli/bus-ca.ts";
import { type MadeRoll, rollBusCa } from "../../src/cli/ca-roll.ts";
import type { RollSettings } from "../../src/config/route-roll.ts";

/** A bus CA in a folder, its roll, and what nodes had before it. */
export interface RolledCa {
  readonly dir: string;
  readonly made: MadeRoll;
  /** Where the CA of before lies, with all that it signed. */
  readonly before: string;
  handOverOf(node: string): string;
  /** Puts the files that a node had before the roll into a folder of its own. */
  place(folder: string, node: string): RollSettings;
}

export const PASSWORD_BEFORE = "the one before";

/** Makes a CA with nodes, and rolls it. */
export async function rolledCa(dir: string, nodes: readonly string[]): Promise<RolledCa> {
  const [passphrase, at] = ["correct horse battery", Date.now()];
  await makeBusCa({ dir, passphrase, at });
  for (const node of nodes) await makeNode({ dir, node, hosts: ["127.0.0.1"], passphrase, at });
  const made = await rollBusCa({ dir, passphrase, without: [], at });
  return {
    ...{ dir, made, before: made.old },
    handOverOf: (node) => join(dir, "roll", `${node}.roll`),
    place(folder, node) {
      mkdirSync(folder, { recursive: true });
      const put = (name: string, as: string): string => {
        copyFileSync(join(made.old, name), join(folder, as));
        return join(folder, as);
      };
      const clusterPassFile = join(folder, "password");
      writeFileSync(clusterPassFile, `${PASSWORD_BEFORE}\n`, { mode: 0o600 });
      return {
        serverName: node,
        routeTlsCert: put(`${node}.crt`, "node.crt"),
        routeTlsKey: put(`${node}.key`, "node.key"),
        routeTlsCa: put("ca.crt", "ca.crt"),
        clusterPassFile,
      };
    },
  };
}
