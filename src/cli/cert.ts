import { CERT_DEV, runCertDev } from "./cert-dev.ts";
import { printLines } from "./output.ts";
import { defineGroup, defineStrict } from "./strict.ts";

const dev = defineStrict({
  ...CERT_DEV,
  run: async ({ options }) => {
    await runCertDev(options, { print: (line) => printLines([line]) });
  },
});

export const certGroup = defineGroup({
  description: "Makes certificates for TLS.",
  commands: { dev: () => dev },
});
