import { join } from "node:path";
import { BUILD } from "../core/build.ts";
import { Problem } from "../core/problems.ts";
import { type Environment, findGivenServer, findNatsServer } from "./find-server.ts";

/** A nats-server to run; its path may be one inside this executable. */
export interface NatsProgram {
  readonly path: string;
  readonly version: string;
}

/**
 * Chooses the nats-server that a node runs: from source, the one that `findNatsServer` finds; in the
 * executable, the one that UNIBUS_NATS_SERVER names, or the one inside.
 * Throws `start-failed` when there is none, `boot-refused` where none can be supervised.
 */
export async function chooseNatsServer(env: Environment): Promise<NatsProgram> {
  if (process.platform !== "linux") {
    throw new Problem(
      "boot-refused",
      `Cannot start: a node runs on Linux only so far, where nats-server dies with it; this is ${process.platform}`,
    );
  }
  if (!BUILD) return await findNatsServer({ env });
  return (await findGivenServer(env)) ?? embeddedServer(BUILD.natsServer.version);
}

/** The server that the build put beside this file in the executable. */
function embeddedServer(version: string): NatsProgram {
  return { path: join(import.meta.dir, "nats-server"), version };
}
