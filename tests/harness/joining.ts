import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unibusCommand } from "./command.ts";
import { eventually } from "./eventually.ts";
import type { Ran } from "./run-process.ts";
import { cleanEnvironment, run } from "./unibus.ts";

const PASSPHRASE = "a passphrase of the CA";

/** A bus CA as `unibus cert ca` makes it, and certificates by it. */
export interface MadeCa {
  readonly dir: string;
  readonly passphraseFile: string;
  /** Words for a start of a node of this name. */
  nodeFiles(name: string): { readonly ca: string; readonly cert: string; readonly key: string };
}

/** Makes a bus CA by the command line, and a certificate for each named node. */
export async function makeCa(dir: string, nodes: readonly string[]): Promise<MadeCa> {
  mkdirSync(dir, { recursive: true });
  const passphraseFile = join(dir, "passphrase");
  writeFileSync(passphraseFile, `${PASSPHRASE}\n`, { mode: 0o600 });
  const place = ["--dir", dir, "--passphrase-file", passphraseFile];
  await demand(["cert", "ca", ...place]);
  for (const name of nodes) {
    await demand(["cert", "node", name, "--host", "127.0.0.1", ...place]);
  }
  return {
    dir,
    passphraseFile,
    nodeFiles: (name) => ({
      ca: join(dir, "ca.crt"),
      cert: join(dir, `${name}.crt`),
      key: join(dir, `${name}.key`),
    }),
  };
}

/** Runs a command and demands that it succeeds. */
export async function demand(args: readonly string[]): Promise<Ran> {
  const ran = await run(args);
  if (ran.code === 0) return ran;
  throw new Error(`unibus ${args.join(" ")}: ${ran.code} ${ran.stderr}`);
}

/** Every file below a folder, with its mode. */
export function filesBelow(
  path: string,
): readonly { readonly file: string; readonly mode: number }[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" }).map((file) => ({
    file,
    mode: statSync(join(path, file)).mode & 0o777,
  }));
}

/** A command that goes on running, and what it printed so far. */
export interface Waiting extends AsyncDisposable {
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly pid: number;
  readonly exited: Promise<number>;
  kill(signal: "SIGINT" | "SIGKILL"): void;
}

/** Starts a command that goes on running. */
export function begin(args: readonly string[]): Waiting {
  const child = Bun.spawn([...unibusCommand(), ...args], {
    env: cleanEnvironment(),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const out = { text: "" };
  const err = { text: "" };
  const reading = Promise.all([gather(child.stdout, out), gather(child.stderr, err)]);
  const exited = child.exited.then(async (code) => {
    await reading;
    return code;
  });
  return {
    stdout: () => out.text,
    stderr: () => err.text,
    pid: child.pid,
    exited,
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Starts `unibus node token` and waits until it shows the token. */
export async function beginToken(
  dataDir: string,
  words: readonly string[],
): Promise<Waiting & { readonly token: string }> {
  const waiting = begin(["node", "token", "--data-dir", dataDir, ...words]);
  try {
    const token = await eventually(
      () => {
        const ended = waiting.stderr().includes("unibus: ");
        if (ended) throw new Error(waiting.stderr());
        return /^ubn_\S+$/m.exec(waiting.stdout())?.[0] ?? null;
      },
      { timeoutMs: 20_000, what: "a token" },
    );
    return Object.assign(waiting, { token });
  } catch (error) {
    await waiting[Symbol.asyncDispose]();
    throw error;
  }
}

/** Whoever sits between a new machine and a node: sees all that passes, and may answer itself. */
export function between(answer: (request: Request) => Promise<Response> | Response) {
  const seen: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const body = await request.text();
      const { method, url } = request;
      const given = await answer(new Request(url, { method, headers: request.headers, body }));
      const text = await given.text();
      seen.push(method, url, JSON.stringify([...request.headers]), body, text);
      return new Response(text, { status: given.status, headers: given.headers });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    seen,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

async function gather(stream: ReadableStream<Uint8Array>, into: { text: string }): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) into.text += decoder.decode(chunk, { stream: true });
}
