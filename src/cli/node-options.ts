import {
  listSettings,
  SETTINGS,
  type Setting,
  type SettingName,
  variableOf,
} from "../config/schema.ts";
import type { Option } from "./parse.ts";

/** The options of `unibus serve`: every setting of a node. */
export function serveOptions(): readonly Option[] {
  return listSettings().map(optionOf);
}

/** The options of `unibus up`: as `serve`, but the mode, which is always enforce. */
export function upOptions(): readonly Option[] {
  return listSettings()
    .filter(({ name }) => name !== "bus-auth")
    .map(optionOf);
}

/** What a machine that becomes a node chooses for itself; the cluster tells it the rest. */
export function joinOptions(): readonly Option[] {
  const own: readonly SettingName[] = ["server-name", "cluster-port"];
  const told: readonly SettingName[] = ["bus-auth", "first-admin"];
  return listSettings()
    .filter(({ name, group }) => {
      if (own.includes(name) || name === "data-dir") return true;
      return (group === "Node" || group === "Security") && !told.includes(name);
    })
    .map(optionOf);
}

/** The settings that say what a node has of its routes, and where. */
export function rollOptions(): readonly Option[] {
  const names: readonly SettingName[] = ["data-dir", "db", "server-name"];
  return listSettings()
    .filter(({ name, group }) => names.includes(name) || group === "Cluster")
    .map(optionOf);
}

/** The options that say which node a command speaks to. */
export function placeOptions(): readonly Option[] {
  const names: readonly SettingName[] = ["data-dir", "db"];
  return listSettings()
    .filter(({ name }) => names.includes(name))
    .map((setting) => (setting.name === "data-dir" ? folderOption() : inNodeGroup(setting)));
}

/** The options that say where a stopped node keeps what it has. */
export function restoreOptions(): readonly Option[] {
  const names: readonly SettingName[] = ["data-dir", "db", "nats-store"];
  return listSettings()
    .filter(({ name }) => names.includes(name))
    .map(optionOf);
}

/** The option that names a node by its folder, or by one that logged in to it. */
export function folderOption(): Option {
  const option = inNodeGroup({ name: "data-dir", ...SETTINGS["data-dir"] });
  return { ...option, help: "folder of the node, or one that is logged in to a node elsewhere" };
}

function inNodeGroup(setting: Setting): Option {
  return { ...optionOf(setting), group: "Node" };
}

function optionOf(setting: Setting): Option {
  const kind = setting.read.kind === "boolean" ? "boolean" : "text";
  return {
    name: setting.name,
    kind,
    help: setting.help,
    ...(setting.value === undefined ? {} : { value: setting.value }),
    default: setting.default,
    variable: variableOf(setting.name),
    group: setting.group,
    // An empty bind is "all interfaces", and so for the policy to refuse.
    emptyAllowed: setting.default === "" || setting.name === "bind",
  };
}
