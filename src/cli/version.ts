import { VERSION } from "../core/version.ts";
import { JSON_OPTION, show } from "./node-command.ts";
import { defineStrict } from "./strict.ts";

export const versionCommand = defineStrict({
  description: "Prints the version of unibus.",
  options: [JSON_OPTION],
  run: ({ options }) => {
    const document = { unibus: VERSION, bun: Bun.version };
    show({ document, lines: [`unibus ${VERSION} (Bun ${Bun.version})`] }, options.json);
  },
});
