import { readFileSync } from "node:fs";
import { aMachine, type KeyFile, type Machine, type Told } from "./another-machine.ts";
import { type RunningUnibus, startUnibus } from "./unibus.ts";

/** Somebody on another machine, who reaches a node by the command line alone. */
export interface Person extends Disposable {
  readonly machine: Machine;
  readonly key: KeyFile;
  /** Runs a command that has to succeed, and answers its document. */
  must(...words: string[]): Promise<Told["document"]>;
  /** Runs a command and says with which problem it was refused, or `done`. */
  refused(...words: string[]): Promise<string>;
}

/** A running node with TLS, and people on other machines. */
export interface Elsewhere extends AsyncDisposable {
  readonly node: RunningUnibus;
  readonly url: string;
  /** The file of the authority that signed its certificate; null in the clear, on this machine. */
  readonly ca: string | null;
  /** The arguments that lead a login or a join there. */
  readonly way: readonly string[];
  /** Somebody who is nobody there yet. */
  stranger(): Person;
  /** Somebody who is admitted under a name and logged in. */
  person(name: string, role?: "admin" | "member"): Promise<Person>;
  /** Asks over TLS as whoever an authorization names. */
  get(path: string, authorization: string): Promise<Response>;
}

/**
 * Starts a node with the certificate of a folder that `unibus cert dev` filled, or in the clear: only
 * enforce goes with TLS, so the other modes are tried as the end of a tunnel would be.
 */
export async function startElsewhere(
  tls: string | null,
  ...args: readonly string[]
): Promise<Elsewhere> {
  const files =
    tls === null ? [] : ["--tls-cert", `${tls}/server.crt`, "--tls-key", `${tls}/server.key`];
  const node = await startUnibus({ args: [...files, ...args] });
  const { port } = new URL(node.httpUrl);
  const url = tls === null ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  const ca = tls === null ? null : `${tls}/ca.crt`;
  const way = ca === null ? [url] : [url, "--ca", ca];
  const people = new DisposableStack();
  function stranger(): Person {
    const machine = aMachine();
    return people.use(personOf(machine, machine.key()));
  }
  return {
    node,
    url,
    ca,
    way,
    stranger,
    async person(name, role = "member") {
      const person = stranger();
      const { user, path } = person.key;
      await node.ask("POST", "/v1/users", { user, name, role });
      await person.must("login", ...way, "--key", path);
      return person;
    },
    get: (path, authorization) =>
      fetch(`${url}${path}`, {
        headers: { authorization },
        ...(ca === null ? {} : { tls: { ca: readFileSync(ca, "utf8") } }),
      }),
    async [Symbol.asyncDispose]() {
      people.dispose();
      await node[Symbol.asyncDispose]();
    },
  };
}

function personOf(machine: Machine, key: KeyFile): Person {
  return {
    machine,
    key,
    async must(...words) {
      const { code, document } = await machine.json(...words);
      if (code === 0) return document;
      throw new Error(`unibus ${words.join(" ")}: ${document.code}: ${document.detail}`);
    },
    async refused(...words) {
      const { code, document } = await machine.json(...words);
      return code === 0 ? "done" : document.code;
    },
    [Symbol.dispose]: () => machine[Symbol.dispose](),
  };
}
