import { listSettings, type Setting, variableOf } from "../../src/config/schema.ts";

/** Renders the page of settings, in the groups and the order of the help. */
export function renderConfiguration(): string {
  const groups = Map.groupBy(listSettings(), (setting) => setting.group);
  const sections = [...groups].map(
    ([group, settings]) => `## ${group}

| flag | variable | default | meaning |
|---|---|---|---|
${settings.map(renderSetting).join("\n")}
`,
  );
  return `# Configuration

Settings of \`unibus serve\` and \`unibus up\`. A flag wins over its variable, a variable over the
default. \`-name\` means \`--name\`, and \`--name=VALUE\` is \`--name VALUE\`; a flag without a value in this
list is a switch, whose variable is \`true\` or \`false\`. An unknown flag, an unknown \`UNIBUS_\` variable
and a value of another form are refused. \`unibus up\` is \`serve\` with \`--bus-auth enforce\`.

${sections.join("\n")}`;
}

function renderSetting(setting: Setting): string {
  const value = setting.value ? ` ${setting.value}` : "";
  const standard = setting.default === "" ? "empty" : `\`${setting.default}\``;
  const meaning = setting.help.replaceAll("|", "\\|");
  return `| \`--${setting.name}${value}\` | \`${variableOf(setting.name)}\` | ${standard} | ${meaning} |`;
}
