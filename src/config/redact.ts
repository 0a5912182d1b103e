import { maskCredentials } from "../core/quote.ts";
import type { NodeSettings } from "./load.ts";
import { listSettings, propertyOf, type SettingName } from "./schema.ts";

/** Each setting as text that may be shown: secrets are `***`, lists are joined by commas. */
export function printableSettings(settings: NodeSettings): Readonly<Record<SettingName, string>> {
  const printable = listSettings().map((setting) => {
    const value = settings[propertyOf(setting.name)];
    const parts = Array.isArray(value) ? value.map(String) : [String(value)];
    if (setting.secret === "whole") return [setting.name, value === "" ? "" : "***"];
    if (setting.secret === "credentials")
      return [setting.name, parts.map(maskCredentials).join(",")];
    return [setting.name, parts.join(",")];
  });
  // One entry for each name of the table.
  return Object.fromEntries(printable) as Record<SettingName, string>;
}
