import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { natsServerCacheFolder } from "../../src/nats/find-server.ts";
import { temporaryFolder } from "./fake-programs.ts";

/** A user's machine with an empty cache, a PATH of one folder, and what setup said on it. */
export function aMachine() {
  const folder = temporaryFolder();
  const bin = join(folder.path, "bin");
  mkdirSync(bin);
  const env = { HOME: folder.path, PATH: bin };
  const cacheFolder = natsServerCacheFolder(env);
  const said: string[] = [];
  return {
    env,
    bin,
    path: folder.path,
    cacheFolder,
    said,
    say: (line: string) => void said.push(line),
    /** All that is in the cache; none when it was never made. */
    cached: () => (existsSync(dirname(cacheFolder)) ? readdirSync(dirname(cacheFolder)) : []),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

/** A release server on loopback. */
export function serveRelease(answer: (request: Request) => Response | Promise<Response>) {
  const paths: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      paths.push(new URL(request.url).pathname);
      return answer(request);
    },
  });
  return {
    paths,
    baseUrl: `http://127.0.0.1:${server.port}/releases`,
    [Symbol.asyncDispose]: async () => await server.stop(true),
  };
}

export async function errorOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.catch((reason: unknown) => reason);
  if (error instanceof Error) return error.message;
  throw new Error("An error was expected");
}
