import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { fileFault, folderFault } from "../system/safe-folder.ts";
import {
  type Environment,
  type Flags,
  loadNodePlace,
  loadNodeSettings,
  type NodeSettings,
} from "./load.ts";
import { orProblem, readConfiguredFile } from "./private-file.ts";
import { isSettingName, listSettings, SETTINGS, type SettingName, variableOf } from "./schema.ts";

/** The settings that a node's folder brings with it, as variables: what joining a cluster wrote. */
export const NODE_FILE = "node.env";

/** Settings that say where the folder is, so that it cannot say them. */
const PLACES: readonly SettingName[] = ["data-dir", "db"];
const LINE = /^([A-Z_]+)=(.*)$/;

/**
 * The environment of a node, with what the file of its folder says where the environment says nothing.
 * Paths in the file are relative to the folder. Throws "usage" for a line that is no setting, and
 * "file-unusable" for a file that others may read, or could have put there.
 */
export function withNodeFile(flags: Flags, env: Environment): Environment {
  const { dataDir } = loadNodePlace(flags, env);
  const path = join(dataDir, NODE_FILE);
  if (!existsSync(path)) return env;
  const attempt = `Cannot read the settings ${quote(path)}`;
  // They may say how open the node is.
  const unsafe = folderFault(dataDir);
  if (unsafe) throw new Problem("file-unusable", `${attempt}: the folder ${unsafe}`);
  const foreign = fileFault(path);
  if (foreign) throw new Problem("file-unusable", `${attempt}: the file ${foreign}`);
  const text = orProblem("file-unusable", attempt, () =>
    readConfiguredFile(path, { secret: true }),
  );
  const own = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const [, variable = "", value = ""] = LINE.exec(line) ?? [];
    const name = settingOf(variable);
    if (name === null || own.has(variable)) {
      const why = name === null ? "is no setting that belongs here" : "is there twice";
      throw new Problem("usage", `${attempt}: line ${index + 1} ${why}`);
    }
    const isPath = SETTINGS[name].read.kind === "path" && value !== "";
    own.set(variable, isPath ? resolve(dirname(path), value) : value);
  }
  const given = Object.keys(flags).filter(isSettingName).map(variableOf);
  for (const variable of given) own.delete(variable);
  return { ...Object.fromEntries(own), ...env };
}

/**
 * The settings of a node as it is started from its folder, for a command whose other options are no
 * settings. Throws as `withNodeFile` and `loadNodeSettings` do.
 */
export function loadFolderSettings(given: Flags, env: Environment): NodeSettings {
  const own = settingsAmong(given);
  return loadNodeSettings(own, withNodeFile(own, env));
}

/** Those of a command's options that are settings. */
export function settingsAmong(given: Flags): Flags {
  return Object.fromEntries(Object.entries(given).filter(([name]) => isSettingName(name)));
}

/** Renders the file. Throws "usage" for a value that does not fit on a line. */
export function renderNodeFile(values: Readonly<Partial<Record<SettingName, string>>>): string {
  const lines = Object.entries(values).map(([name, value]) => {
    if (!isSettingName(name) || /\p{Cc}/u.test(value)) {
      throw new Problem("usage", `Cannot keep --${name}: it has to be one line`);
    }
    return `${variableOf(name)}=${value}`;
  });
  return [
    "# The settings of this node, written when it joined its cluster. Flags and the environment",
    "# go before them; paths are relative to this folder.",
    ...lines,
    "",
  ].join("\n");
}

function settingOf(variable: string): SettingName | null {
  const setting = listSettings().find(({ name }) => variableOf(name) === variable);
  return setting && !PLACES.includes(setting.name) ? setting.name : null;
}
