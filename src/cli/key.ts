import { JSON_OPTION, show } from "./node-command.ts";
import { defineGroup, defineStrict } from "./strict.ts";

const FILE = { name: "FILE", required: true, help: "the key file" } as const;

const make = defineStrict({
  description:
    "Makes a key pair. The file holds the secret seed and nobody but you may read it; every NATS client takes it as it is.",
  positionals: [FILE],
  options: [JSON_OPTION],
  examples: ["unibus key new alice.nk"],
  run: async ({ positionals, options }) => {
    const { makeKeyFile } = await import("./key-file.ts");
    const publicKey = await makeKeyFile(positionals.FILE);
    show(
      {
        document: { publicKey, file: positionals.FILE },
        lines: [
          publicKey,
          `The secret key is in ${positionals.FILE}; keep it, and keep it secret.`,
        ],
      },
      options.json,
    );
  },
});

const reveal = defineStrict({
  description: "Prints the public key of a key file; that one may be given away.",
  positionals: [FILE],
  options: [JSON_OPTION],
  examples: ["unibus key show alice.nk"],
  run: async ({ positionals, options }) => {
    const { readPublicKey } = await import("./key-file.ts");
    const publicKey = readPublicKey(positionals.FILE);
    show({ document: { publicKey, file: positionals.FILE }, lines: [publicKey] }, options.json);
  },
});

const successor = defineStrict({
  description:
    "Signs that the key of a file takes the place of a user's key on a bus, and prints that as one word for whoever replaces it: an admin, or the operator at a node. The word is no secret.",
  positionals: [FILE],
  options: [
    { name: "of", kind: "text", value: "PUBLIC-KEY", help: "the user's key until now" },
    { name: "number", kind: "text", value: "N", help: "which key of the user it will be, from 2" },
    { name: "bus", kind: "text", value: "ID", help: "id of the bus" },
    JSON_OPTION,
  ],
  examples: ["unibus key successor alice-2.nk --of UDK3… --number 2 --bus 5f3c…"],
  run: async ({ positionals, options, given }) => {
    const { signSuccessor } = await import("./key-successor.ts");
    const shown = await signSuccessor(positionals.FILE, given);
    show(shown, options.json);
  },
});

export const keyGroup = defineGroup({
  description: "Makes and shows keys; no node is needed.",
  commands: { new: () => make, show: () => reveal, successor: () => successor },
});
