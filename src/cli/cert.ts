import { CERT_DEV, runCertDev } from "./cert-dev.ts";
import { certRoll } from "./cert-roll.ts";
import { certCa, certList, certNode, certRenew } from "./cert-routes.ts";
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
  description: "Makes certificates for TLS, and the CA of a cluster's nodes.",
  commands: {
    dev: () => dev,
    ca: () => certCa,
    node: () => certNode,
    list: () => certList,
    renew: () => certRenew,
    roll: () => certRoll,
  },
});
