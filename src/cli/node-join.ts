import { resolve } from "node:path";
import { processEnvironment } from "../config/environment.ts";
import { factsOf, findSurroundings } from "../config/judge-start.ts";
import { loadNodeSettings, type NodeSettings } from "../config/load.ts";
import { settingsAmong } from "../config/node-file.ts";
import { bypassProxies } from "../config/proxy.ts";
import { isSettingName } from "../config/schema.ts";
import { hostPort } from "../core/bind.ts";
import { refuseBoot } from "../core/boot-policy.ts";
import { COMMAND_TIMEOUT_MS, NODE_HOSTS_MAX, NODE_JOIN_LOOK_MS } from "../core/limits.ts";
import { type NodeToken, parseNodeToken } from "../core/node-token.ts";
import { EXIT, PROBLEMS, Problem, type ProblemCode } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { type Client, createClient } from "../sdk/client.ts";
import { type JoinAnswer, nodeTokenId, sealJoinRequest } from "../sdk/node-seal.ts";
import { isCertificateName } from "./cert-dev.ts";
import { commandName, placeArguments, shellWord } from "./invocation.ts";
import { type Given, JSON_OPTION, show, textOf } from "./node-command.ts";
import { checkCertificate, filesOf, finishNode, refuseNode, writeNode } from "./node-folder.ts";
import { joinOptions } from "./node-options.ts";
import { note } from "./output.ts";
import { readHandedOver } from "./secret-file.ts";
import { defineStrict } from "./strict.ts";

export const nodeJoinCommand = defineStrict({
  description:
    "Makes this machine a node of a cluster, by a token of `unibus node token`: makes its key, gets its certificate and how it takes part, and keeps them in the folder, so that `unibus serve` needs no flags. The settings given here are kept too.",
  positionals: [
    {
      name: "TOKEN",
      required: false,
      help: "the token (ubn_…); others of this machine see arguments, so better --token-file",
    },
  ],
  options: [
    {
      name: "token-file",
      kind: "text",
      value: "FILE",
      help: "file that holds the token, which nobody else may read; - is the standard input",
    },
    {
      name: "host",
      kind: "text",
      value: "HOST",
      repeats: true,
      help: "DNS name or IP address under which other nodes reach this one; --bind if it is one",
    },
    {
      name: "certificate",
      kind: "text",
      value: "FILE",
      help: "ends a join whose CA was elsewhere: the certificate that unibus cert node made",
    },
    JSON_OPTION,
    ...joinOptions(),
  ],
  examples: [
    "unibus node join --token-file node-token --data-dir node3 --bind 10.0.0.3 --tls-cert server.crt --tls-key server.key",
  ],
  run: async ({ positionals, given, options }) => {
    const settings = settingsOf(given);
    const certificate = textOf(given, "certificate");
    if (certificate !== undefined) {
      finishNode(settings.dataDir, certificate);
      return told(settings, given, null);
    }
    const token = await readToken(positionals.TOKEN, textOf(given, "token-file"));
    const hosts = hostsOf(settings, options.host);
    refuseNode(settings.dataDir);
    await judge(settings);
    // The certificates' library: the first that needs it has to come first.
    await import("./reflect.ts");
    const { makeNodeRequest } = await import("./node-request.ts");
    const { request, key } = await makeNodeRequest(hosts);
    const [host = ""] = hosts;
    const answer = await ask(token, {
      certificateRequest: request,
      node: settings.serverName === "" ? null : settings.serverName,
      route: hostPort(host, settings.clusterPort),
    });
    checkCertificate({ ...answer, key, ca: answer.ca, fingerprint: token.ca });
    writeNode({ answer, settings, kept: keptOf(settings, given), key, request });
    return told(settings, given, answer);
  },
});

type Joined = Extract<JoinAnswer, { kind: "joined" }>;

/** What this machine chooses for itself. */
function settingsOf(given: Given): NodeSettings {
  return loadNodeSettings(settingsAmong(given), processEnvironment());
}

/** The settings that were given, as the folder keeps them; paths hold from everywhere. */
function keptOf({ given: names }: NodeSettings, given: Given): Readonly<Record<string, string>> {
  const env = processEnvironment();
  const kept = joinOptions().filter(
    ({ name }) => name !== "data-dir" && isSettingName(name) && names.has(name),
  );
  return Object.fromEntries(
    kept.map(({ name, variable = "" }) => {
      const text = `${given[name] ?? env[variable] ?? ""}`;
      return [name, ["tls-cert", "tls-key"].includes(name) ? resolve(text) : text];
    }),
  );
}

/** Judges what can be judged before the token is spent: nobody wants to spend it on a refused start. */
async function judge(settings: NodeSettings): Promise<void> {
  const surroundings = await findSurroundings(settings, processEnvironment());
  const refusal = refuseBoot({ ...factsOf(settings, surroundings), busAuth: "enforce" });
  if (refusal) throw new Problem(refusal.code, refusal.detail);
}

const EVERYWHERE = ["", "0.0.0.0", "::", "[::]"];

function hostsOf({ bind }: NodeSettings, given: readonly string[]): readonly string[] {
  const hosts = given.length === 0 && !EVERYWHERE.includes(bind) ? [bind] : given;
  if (hosts.length === 0 || hosts.length > NODE_HOSTS_MAX) {
    throw usage(`it takes 1 to ${NODE_HOSTS_MAX} --host, under which other nodes reach this one`);
  }
  for (const host of hosts) {
    if (!isCertificateName(host)) throw usage(`--host ${quote(host)} is no DNS name or address`);
  }
  return hosts;
}

/** Sends the request until it is answered, and opens the answer. */
async function ask(
  token: NodeToken,
  request: Parameters<typeof sealJoinRequest>[1],
): Promise<Joined> {
  if (token.expiresAt <= Date.now()) {
    throw new Problem("node-token-expired", "Cannot join: the token has expired, make a new one");
  }
  const { sealed, openAnswer } = await sealJoinRequest(token, request);
  const body = { token: await nodeTokenId(token), sealed };
  const client = await reach(token, body);
  note("Waits for the answer of whoever made the token.");
  for (;;) {
    const { sealed: answer } = await client.nodes.join(body);
    if (answer === null) {
      await Bun.sleep(NODE_JOIN_LOOK_MS);
      continue;
    }
    const opened = await openAnswer(answer);
    if (!opened) {
      throw new Problem(
        "node-untrusted",
        "Cannot join: the answer is not from whoever made the token",
      );
    }
    if (opened.kind === "joined") return opened;
    const { code, detail } = opened;
    throw new Problem(isCode(code) ? code : "forbidden", detail);
  }
}

function isCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}

/** The first of the token's addresses that answers. */
async function reach(
  token: NodeToken,
  body: Parameters<Client["nodes"]["join"]>[0],
): Promise<Client> {
  let failure: unknown = null;
  for (const url of token.urls) {
    const client = createClient({ baseUrl: url, fetch: fetchSealed });
    try {
      await client.nodes.join(body);
      return client;
    } catch (error) {
      const away = error instanceof Problem && error.code === "node-unreachable";
      if (!away) throw error;
      failure = error;
    }
  }
  throw failure;
}

/**
 * What is sent is sealed with the token's secret, and so is what comes back: it needs no certificate
 * of the API, of which a new machine knows nothing yet.
 */
function fetchSealed(url: string, init: RequestInit): Promise<Response> {
  bypassProxies();
  return fetch(url, {
    ...init,
    signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS),
    tls: { rejectUnauthorized: false },
    verbose: false,
  });
}

function told(settings: NodeSettings, given: Given, answer: Joined | null): number {
  const { dataDir } = settings;
  const serve = `${commandName()} serve${placeArguments(settings)}`;
  const waits = answer?.certificate === null;
  const { request, certificate } = filesOf(dataDir);
  const document = {
    ...(answer ? { node: answer.node, cluster: answer.cluster, routes: answer.routes } : {}),
    dataDir: resolve(dataDir),
    certificateRequest: waits ? resolve(request) : null,
  };
  const name = answer?.node ?? "NAME";
  const lines = waits
    ? [
        `The node ${name} waits for its certificate. Where the CA is, with ${shellWord(request)}:`,
        `  ${commandName()} cert node ${name} --request node.csr`,
        "and here, with what that made:",
        `  ${commandName()} node join --certificate ${name}.crt${placeArguments(settings)}`,
      ]
    : [
        `${answer ? `This machine is the node ${name} of ${answer.cluster}` : "The certificate is in its place"}: ${shellWord(certificate)}`,
        "Next:",
        `  ${serve}`,
      ];
  show({ document, lines }, given.json === true);
  return EXIT.done;
}

async function readToken(word: string | undefined, file: string | undefined): Promise<NodeToken> {
  if ((word === undefined) === (file === undefined)) {
    throw usage("it takes either TOKEN or --token-file FILE");
  }
  const token = parseNodeToken((word ?? (await readTokenFile(file ?? ""))).trim());
  if (token) return token;
  throw new Problem(
    "node-token-wrong",
    "Cannot join: the token is none, it must be ubn_ and what follows, as unibus node token made it",
  );
}

function readTokenFile(path: string): Promise<string> {
  const tooLong = () => usage("there is more than a token on stdin");
  return readHandedOver(path, { what: "token", tooLong });
}

function usage(why: string): Problem {
  return new Problem("usage", `Cannot run unibus node join: ${why}; see: unibus node join --help`);
}
