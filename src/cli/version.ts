import { BUILD } from "../core/build.ts";
import { VERSION } from "../core/version.ts";
import { JSON_OPTION, type Shown, show } from "./node-command.ts";
import { table } from "./output.ts";
import { defineStrict } from "./strict.ts";

export const versionCommand = defineStrict({
  description: "Prints the version of unibus, and with --verbose those of what it is made of.",
  options: [
    { name: "verbose", kind: "boolean", help: "tell also the build and what is inside" },
    JSON_OPTION,
  ],
  run: async ({ options }) => {
    show(options.verbose ? await everything() : short(), options.json);
  },
});

function short(): Shown {
  return {
    document: { unibus: VERSION, bun: Bun.version },
    lines: [`unibus ${VERSION} (Bun ${Bun.version})`],
  };
}

async function everything(): Promise<Shown> {
  // Not before it is wanted: it loads SQLite.
  const { sqliteVersion } = await import("../system/versions.ts");
  const document = {
    unibus: VERSION,
    commit: BUILD?.commit ?? null,
    build: BUILD?.target ?? null,
    bun: `${Bun.version}+${Bun.revision.slice(0, 9)}`,
    sqlite: sqliteVersion(),
    natsServer: BUILD?.natsServer ?? null,
  };
  const server = document.natsServer;
  return {
    document,
    lines: table(
      ["WHAT", "VERSION"],
      [
        ["unibus", document.unibus],
        ["commit", document.commit ?? "a checkout, not built"],
        ["build", document.build ?? "from source"],
        ["Bun", document.bun],
        ["SQLite", document.sqlite],
        [
          "nats-server",
          server ? `${server.version}, SHA-256 ${server.sha256}` : "found at the start",
        ],
      ],
    ),
  };
}
