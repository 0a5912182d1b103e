import { findNatsServer } from "../../src/nats/find-server.ts";
import type { RouteTlsFiles } from "./cluster.ts";
import { eventually } from "./eventually.ts";
import { followLog, type LogLine } from "./unibus.ts";

/** A bare nats-server, with a configuration of its own, that wants routes to the nodes of a cluster. */
export interface Intruder extends AsyncDisposable {
  /** Routes that it has, as its own monitoring port tells. */
  routes(): Promise<number>;
  readonly log: readonly LogLine[];
}

export interface IntruderOptions {
  /** Route ports that it dials. */
  readonly targets: readonly number[];
  readonly login: string;
  readonly clusterName?: string;
  /** Its certificate, its key and the CA that it trusts; null for routes without TLS. */
  readonly tls: RouteTlsFiles | null;
}

export async function startIntruder(options: IntruderOptions): Promise<Intruder> {
  const { path } = await findNatsServer({ env: process.env });
  const child = Bun.spawn([path, "-c", "/dev/stdin"], {
    stdin: new Blob([JSON.stringify(configOf(options))]),
    stdout: "ignore",
    stderr: "pipe",
    env: {},
  });
  const { log, reading } = followLog(child.stderr);
  const monitor = await eventually(
    () => {
      const line = log.find(({ message }) => /Starting http monitor on/.test(message));
      return line ? /:(\d+)$/.exec(line.message)?.[1] : null;
    },
    { timeoutMs: 20_000, what: "the intruder's monitoring port" },
  );
  return {
    log,
    async routes() {
      const answer = await fetch(`http://127.0.0.1:${monitor}/routez`);
      // As nats-server answers it.
      const { num_routes: routes } = (await answer.json()) as { num_routes: number };
      return routes;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      await reading;
    },
  };
}

function configOf({ targets, login, clusterName = "bus", tls }: IntruderOptions): object {
  return {
    server_name: "intruder",
    host: "127.0.0.1",
    port: -1,
    http: "127.0.0.1:-1",
    logtime: false,
    cluster: {
      name: clusterName,
      host: "127.0.0.1",
      port: -1,
      pool_size: 3,
      ...(tls
        ? {
            tls: {
              cert_file: tls.cert,
              key_file: tls.key,
              ca_file: tls.ca,
              verify: true,
              timeout: 5,
            },
          }
        : {}),
      routes: targets.map((port) => `nats://${login}@127.0.0.1:${port}`),
    },
  };
}
