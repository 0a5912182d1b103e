import { processEnvironment } from "../config/environment.ts";
import { loadNodeSettings } from "../config/load.ts";
import { withNodeFile } from "../config/node-file.ts";
import { serveOptions } from "./node-options.ts";
import { runNode } from "./run-node.ts";
import { defineStrict } from "./strict.ts";

export const serveCommand = defineStrict({
  description:
    "Runs a node: the membership store, the API and a supervised nats-server. It refuses to start insecurely and says why.",
  options: serveOptions(),
  examples: [
    "unibus serve --bus-auth enforce",
    "unibus serve --bind 0.0.0.0 --bus-auth enforce --tls-cert deploy/tls/server.crt --tls-key deploy/tls/server.key",
  ],
  run: ({ given }) => {
    const env = withNodeFile(given, processEnvironment());
    return runNode({ settings: loadNodeSettings(given, env), env });
  },
});
