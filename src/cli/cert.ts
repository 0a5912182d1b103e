import { CERT_DEV, runCertDev } from "./cert-dev.ts";
import { commandName } from "./invocation.ts";
import { printLines } from "./output.ts";
import { defineGroup, defineStrict } from "./strict.ts";

const dev = defineStrict({
  ...CERT_DEV,
  run: async ({ options }) => {
    await runCertDev(options, { print: (line) => printLines([line]), program: commandName() });
  },
});

export const certGroup = defineGroup({
  description: "Makes certificates for TLS.",
  commands: { dev: () => dev },
});
