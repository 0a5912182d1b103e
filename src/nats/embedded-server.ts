import { join } from "node:path";
import { BUILD, type Build } from "../core/build.ts";
import { Problem } from "../core/problems.ts";
import { makeMemoryFile } from "../system/memory-file.ts";
import { type Environment, findGivenServer, findNatsServer } from "./find-server.ts";

/** Name under which the build puts the server into the executable, compressed. */
export const EMBEDDED_SERVER_FILE = "nats-server.zst";

/** The nats-server that a node is to run. */
export interface NatsProgram {
  readonly version: string;
  /** Answers its path, or the descriptor of it in memory. Throws `start-failed`. */
  readonly open: () => Promise<string | number>;
}

/**
 * Chooses the nats-server to run: from source, the one that `findNatsServer` finds; in the executable,
 * the one that UNIBUS_NATS_SERVER names, or the one inside.
 * Throws `start-failed` when there is none, `boot-refused` where none can be supervised.
 */
export async function chooseNatsServer(env: Environment): Promise<NatsProgram> {
  if (process.platform !== "linux") {
    throw new Problem(
      "boot-refused",
      `Cannot start: a node runs on Linux only so far, where nats-server dies with it; this is ${process.platform}`,
    );
  }
  const found = BUILD ? await findGivenServer(env) : await findNatsServer({ env });
  if (found) return { version: found.version, open: async () => found.path };
  if (!BUILD) throw new Error("findNatsServer answers a server or throws");
  // It is unpacked while the node opens its store.
  const unpacked = unpackEmbedded(BUILD);
  unpacked.catch(() => undefined);
  return { version: BUILD.natsServer.version, open: () => unpacked };
}

/** Puts the server of this executable into memory: no file that others could change, nothing to clean up. */
async function unpackEmbedded({ natsServer }: Build): Promise<number> {
  try {
    const packed = await Bun.file(join(import.meta.dir, EMBEDDED_SERVER_FILE)).bytes();
    // Its memory is its own, never shared with another thread.
    const bytes = (await Bun.zstdDecompress(packed)) as Uint8Array<ArrayBuffer>;
    release(packed);
    const hash = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
    if (hash !== natsServer.sha256) throw new Error("its bytes are damaged");
    const file = await makeMemoryFile("nats-server", bytes);
    release(bytes);
    return file;
  } catch (error) {
    const words = error instanceof Error ? error.message : "unknown";
    throw new Problem(
      "start-failed",
      `start embedded nats: the nats-server of this executable cannot be run from memory: ${words}; name another one in UNIBUS_NATS_SERVER`,
      { cause: error },
    );
  }
}

/** Gives memory back now: it would stay until the garbage is collected, long after the start. */
function release(bytes: Uint8Array<ArrayBuffer>): void {
  bytes.buffer.transfer(0);
}
