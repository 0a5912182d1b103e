import { X509Certificate } from "node:crypto";
import { fingerprintOf } from "../config/certificate.ts";
import type { NewNodeToken } from "../contract/nodes.ts";
import { toBase64url } from "../core/base64url.ts";
import { isNodeName } from "../core/cluster-policy.ts";
import { NODE_HOSTS_MAX, NODE_TOKEN_LIFE_MS, NODE_TOKEN_LIFE_MS_MAX } from "../core/limits.ts";
import { type NodeToken, renderNodeToken } from "../core/node-token.ts";
import { PROBLEMS, Problem, type ProblemCode } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import type { Client } from "../sdk/client.ts";
import {
  type JoinAnswer,
  type JoinRequest,
  nodeTokenId,
  openJoinRequest,
} from "../sdk/node-seal.ts";
import { keepCertificate, library, openCa, ROUTE_TLS_FOLDER } from "./bus-ca.ts";
import { isCertificateName } from "./cert-dev.ts";
import type { MadeCertificate } from "./certificates.ts";
import { secondsOf } from "./duration.ts";
import { commandName, shellWord } from "./invocation.ts";
import { type Given, onNode, textOf } from "./node-command.ts";
import { placeOptions } from "./node-options.ts";
import { note, printLines } from "./output.ts";
import { PASSPHRASE_OPTION, readPassphrase } from "./passphrase.ts";
import { keepSecret, OUT_OPTION } from "./secret-file.ts";
import { defineStrict } from "./strict.ts";

export const nodeTokenCommand = defineStrict({
  description:
    "Lets one new machine into the cluster: prints a token for `unibus node join`, and waits here until it was used, which is the approval. The bus CA's key is open in this command alone, never in the node. Ctrl-C ends it, and the token with it.",
  options: [
    {
      name: "dir",
      kind: "text",
      value: "FOLDER",
      default: ROUTE_TLS_FOLDER,
      help: "folder of the bus CA, as unibus cert ca made it",
    },
    PASSPHRASE_OPTION,
    {
      name: "offline",
      kind: "boolean",
      help: "the CA's key is not here: the new node makes a signing request for unibus cert node",
    },
    {
      name: "life",
      kind: "text",
      value: "TIME",
      default: "15m",
      help: "how long to wait, like 5m or 2h; 24h at most",
    },
    {
      name: "url",
      kind: "text",
      value: "URL",
      repeats: true,
      help: "where the new machine reaches this node's API, if not where the node says",
    },
    OUT_OPTION,
    ...placeOptions(),
  ],
  examples: ["unibus node token --passphrase-file ca.pass --out node-token"],
  run: async ({ given, options }) => {
    const authority = await openAuthority(given);
    return onNode(
      given,
      async ({ client }) => {
        const { token, made } = await makeToken(client, { given, urls: options.url, authority });
        const node = await approve(client, { token, made, authority });
        return { document: { node }, lines: [`The node ${node} has joined`] };
      },
      { runningOnly: true },
    );
  },
});

/** The bus CA with its key, which is open as long as this process lives. */
interface Authority {
  /** Where it lies, with what it signed. */
  readonly dir: string;
  readonly ca: MadeCertificate;
  readonly span: { readonly from: number; readonly to: number };
}

/** Opens the CA's key before anything is made; null where it is elsewhere. */
async function openAuthority(given: Given): Promise<Authority | null> {
  if (given.offline === true) return null;
  const dir = textOf(given, "dir") ?? ROUTE_TLS_FOLDER;
  const file = textOf(given, "passphrase-file");
  const passphrase = await readPassphrase({ file, isNew: false });
  // The key's and the certificate's library: the first that needs it has to come first.
  await import("./reflect.ts");
  return { dir, ...openCa({ dir, passphrase, at: Date.now() }) };
}

async function makeToken(
  client: Client,
  options: {
    readonly given: Given;
    readonly urls: readonly string[];
    readonly authority: Authority | null;
  },
): Promise<{ readonly token: NodeToken; readonly made: NewNodeToken }> {
  const { given, authority } = options;
  const secret = toBase64url(crypto.getRandomValues(new Uint8Array(32)));
  const lifeSeconds =
    secondsOf(given, "life", { most: NODE_TOKEN_LIFE_MS_MAX }) ?? NODE_TOKEN_LIFE_MS / 1000;
  const urls = options.urls.map(originOf);
  const make = async () => {
    const ca = await knownCa(client, authority);
    const id = await nodeTokenId({ secret, ca });
    const made = await client.nodes.createToken({ token: id, lifeSeconds });
    const told = urls.length > 0 ? urls : made.urls;
    const token = { urls: told, expiresAt: Date.parse(made.expiresAt), secret, ca };
    return { token, made, secret: renderNodeToken(token) };
  };
  const out = textOf(given, "out");
  const {
    token,
    made,
    secret: text,
  } = out === undefined ? await make() : await keepSecret(out, make);
  const program = commandName();
  const where = out === undefined ? "--token-file FILE" : `--token-file ${shellWord(out)}`;
  note(`Lets one node into the cluster ${quote(made.cluster)}, until ${made.expiresAt}.`);
  note(`On the new machine: ${program} node join ${where} --data-dir FOLDER`);
  note("This command has to go on running until the node has joined.");
  if (out === undefined) printLines([text]);
  return { token, made };
}

/** The fingerprint of the cluster's CA. Throws "node-ca-foreign" when the one here is another. */
async function knownCa(client: Client, authority: Authority | null): Promise<string> {
  const { ca } = await client.nodes.list();
  if (ca === null) {
    throw new Problem(
      "cluster-refused",
      "Cannot make a token for a node: the node is in no cluster whose routes have TLS",
    );
  }
  if (authority && fingerprintOf(new X509Certificate(authority.ca.cert)) !== ca) {
    throw new Problem(
      "node-ca-foreign",
      "Cannot make a token for a node: the CA in the folder of --dir is not the one of the cluster's routes",
    );
  }
  return ca;
}

interface Waiting {
  readonly token: NodeToken;
  readonly made: NewNodeToken;
  readonly authority: Authority | null;
}

/** Waits for the machine that holds the token, and answers its name once it is a node. */
async function approve(client: Client, waiting: Waiting): Promise<string> {
  const { token, made } = waiting;
  const stopped = Promise.withResolvers<"stopped">();
  const stop = (): void => stopped.resolve("stopped");
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    while (Date.now() < token.expiresAt) {
      const asked = client.nodes.listRequests(made.token);
      const told = await Promise.race([stopped.promise, asked]);
      if (told === "stopped") {
        throw new Problem(
          "node-token-unattended",
          "Cannot wait for the node: the command was stopped, and the token is worth nothing now",
        );
      }
      for (const { request, sealed } of told.requests) {
        const answered = await answerOne(client, waiting, sealed);
        await client.nodes.answer(made.token, { request, sealed: answered.sealed });
        if (answered.node !== null) return answered.node;
      }
    }
    throw new Problem(
      "node-token-expired",
      "Cannot wait for the node: the token has expired and nobody used it",
    );
  } catch (error) {
    await client.nodes.closeToken(made.token).catch(() => undefined);
    throw error;
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

interface Answered {
  /** Null for a request that is not of whoever holds the token. */
  readonly sealed: string | null;
  /** The name of the node, once it is one. */
  readonly node: string | null;
}

async function answerOne(client: Client, waiting: Waiting, sealed: string): Promise<Answered> {
  const opened = await openJoinRequest(waiting.token, sealed);
  if (!opened) return { sealed: null, node: null };
  let answer: JoinAnswer;
  try {
    answer = await admit(client, waiting, opened.request);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    note(`A machine was refused: ${error.detail}`);
    answer = { kind: "refused", code: error.code, detail: error.detail };
  }
  const node = answer.kind === "joined" ? answer.node : null;
  return { sealed: await opened.sealAnswer(answer), node };
}

/** Signs a node's certificate and spends the token on it. Throws why it may not join. */
async function admit(client: Client, waiting: Waiting, asked: JoinRequest): Promise<JoinAnswer> {
  const { made, authority } = waiting;
  const { route } = asked;
  const { readNodeRequest } = await library();
  const request = await readNodeRequest(asked.certificateRequest);
  if (!request) throw invalid("its signing request is none");
  const { hosts } = request;
  if (hosts.length === 0 || hosts.length > NODE_HOSTS_MAX || !hosts.every(isCertificateName)) {
    throw invalid(`its signing request has to name 1 to ${NODE_HOSTS_MAX} hosts`);
  }
  const node = asked.node ?? (await freeName(client, made.cluster));
  if (!isNodeName(node)) throw invalid("its name is not 1 to 64 letters, digits, - and _");
  const certificate =
    authority && (await request.sign({ ...authority.span, ca: authority.ca, node, hosts }));
  const kept =
    authority && certificate !== null ? keepCertificate(authority.dir, node, certificate) : null;
  const use = {
    ...{ node, route, certificate: certificate && fingerprintOf(new X509Certificate(certificate)) },
    certificateEndsAt: authority && new Date(authority.span.to).toISOString(),
  };
  const known = await client.nodes.useToken(made.token, use).catch((error: unknown) => {
    // Who may still be a node is waited for by a roll, and nobody else is.
    if (isRefusal(error)) kept?.remove();
    throw error;
  });
  note(`${quote(node)} at ${route} is a node now, its token is spent`);
  return { kind: "joined", certificate, ca: made.ca, node, ...known };
}

/** The first name of a row that no node has, nor had: names are used once. */
async function freeName(client: Client, cluster: string): Promise<string> {
  const { nodes } = await client.nodes.list({ all: true });
  const taken = new Set(nodes.map(({ node }) => node));
  for (let number = nodes.length + 1; ; number++) {
    const name = `${cluster.slice(0, 56)}-${number}`;
    if (!taken.has(name)) return name;
  }
}

function originOf(text: string): string {
  const url = URL.parse(text);
  const isHttp = url?.protocol === "https:" || url?.protocol === "http:";
  if (isHttp && url.href === `${url.origin}/`) return url.origin;
  throw new Problem("usage", `Cannot use --url: ${quote(text)} is not like https://host:8470`);
}

/** Whether the node has surely not joined; without an answer nobody knows. */
function isRefusal(error: unknown): boolean {
  return error instanceof Problem && PROBLEMS[error.code].status < 500;
}

function invalid(why: string): Problem {
  const code: ProblemCode = "request-invalid";
  return new Problem(code, `Cannot let the machine join: ${why}`);
}
