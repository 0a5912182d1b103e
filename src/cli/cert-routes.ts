import { isNodeName } from "../core/cluster-policy.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import {
  answerRequest,
  type ListedCertificate,
  listCertificates,
  makeBusCa,
  makeNode,
  type NodeFiles,
  ROUTE_TLS_FOLDER,
  renewNode,
} from "./bus-ca.ts";
import { isCertificateName } from "./cert-dev.ts";
import { commandName, shellWord } from "./invocation.ts";
import { JSON_OPTION, type Shown, show } from "./node-command.ts";
import { table } from "./output.ts";
import type { Option } from "./parse.ts";
import { PASSPHRASE_OPTION, readPassphrase } from "./passphrase.ts";
import { defineStrict } from "./strict.ts";

export const DIR_OPTION = {
  name: "dir",
  kind: "text",
  value: "FOLDER",
  default: ROUTE_TLS_FOLDER,
  help: "folder of the CA and of what it signed",
} as const satisfies Option;

const NODE_NAME = {
  name: "NAME",
  required: true,
  help: "the node's name, as its --server-name has it",
} as const;

export const certCa = defineStrict({
  description:
    "Makes the bus CA, which says which machines are nodes of this bus: ca.crt, and ca.key encrypted under a passphrase. Keep the key off the nodes; whatever it signs may join.",
  options: [DIR_OPTION, PASSPHRASE_OPTION, JSON_OPTION],
  run: async ({ options }) => {
    const dir = options.dir ?? ROUTE_TLS_FOLDER;
    const passphrase = await readPassphrase({ file: options["passphrase-file"], isNew: true });
    const made = await makeBusCa({ dir, passphrase, at: Date.now() });
    const lines = [
      `Made the bus CA, valid until ${dayOf(made.notAfter)}.`,
      `  ${made.cert}  what every node is given with --route-tls-ca`,
      `  ${made.key}  its key, under your passphrase: no node needs it`,
      "",
      "Next, make each node's certificate:",
      `  ${commandName()} cert node n1 --host n1.example.org${dirWords(dir)}`,
    ];
    const notAfter = new Date(made.notAfter).toISOString();
    show({ document: { ...made, notAfter }, lines }, options.json);
  },
});

export const certNode = defineStrict({
  description:
    "Makes the certificate with which a node takes and opens routes, valid for a year; or signs what a node asks for that keeps its key itself.",
  positionals: [NODE_NAME],
  options: [
    {
      name: "host",
      kind: "text",
      value: "HOST",
      repeats: true,
      help: "DNS name or IP address under which other nodes reach its route port",
    },
    {
      name: "request",
      kind: "text",
      value: "FILE",
      help: "signing request (PKCS #10, PEM) of the node; its hosts are taken unless --host is given",
    },
    DIR_OPTION,
    PASSPHRASE_OPTION,
    JSON_OPTION,
  ],
  examples: ["unibus cert node n2 --host n2.example.org --host 10.0.0.2"],
  run: async ({ positionals, options }) => {
    const dir = options.dir ?? ROUTE_TLS_FOLDER;
    const node = nodeNameOf(positionals.NAME);
    const { host: hosts, request } = options;
    for (const host of hosts) {
      if (isCertificateName(host)) continue;
      throw new Problem("usage", `Cannot use --host: ${quote(host)} is no DNS name or IP address`);
    }
    if (hosts.length === 0 && request === undefined) {
      throw new Problem("usage", "Cannot make a certificate without --host: routes need one");
    }
    const passphrase = await readPassphrase({ file: options["passphrase-file"], isNew: false });
    const signing = { dir, node, passphrase, at: Date.now(), hosts };
    const made = await (request === undefined
      ? makeNode(signing)
      : answerRequest({ ...signing, request }));
    show(shownNode(made, `Made a certificate for node ${node}`), options.json);
  },
});

export const certRenew = defineStrict({
  description:
    "Makes another certificate for a node's same hosts, valid for a year from now. Copy it to the node: it is served after a moment, for which the node's clients are dropped; one node at a time.",
  positionals: [NODE_NAME],
  options: [DIR_OPTION, PASSPHRASE_OPTION, JSON_OPTION],
  run: async ({ positionals, options }) => {
    const node = nodeNameOf(positionals.NAME);
    const dir = options.dir ?? ROUTE_TLS_FOLDER;
    const passphrase = await readPassphrase({ file: options["passphrase-file"], isNew: false });
    const made = await renewNode({ dir, node, passphrase, at: Date.now() });
    show(shownNode(made, `Renewed the certificate of node ${node}`), options.json);
  },
});

export const certList = defineStrict({
  description: "Lists the bus CA and the nodes' certificates, and says which should be renewed.",
  options: [DIR_OPTION, JSON_OPTION],
  run: ({ options }) => {
    const dir = options.dir ?? ROUTE_TLS_FOLDER;
    const certificates = listCertificates(dir, Date.now());
    const lines =
      certificates.length > 0
        ? table(
            ["NAME", "UNTIL", "STATE", "HOSTS"],
            certificates.map((one) => rowOf(one, dir)),
          )
        : [`No certificates in ${dir}; make a CA with: ${commandName()} cert ca${dirWords(dir)}`];
    show({ document: { certificates }, lines }, options.json);
  },
});

export function nodeNameOf(text: string): string {
  if (isNodeName(text) && text !== "ca") return text;
  const why = text === "ca" ? "is the CA's own" : "is not 1 to 64 letters, digits, - and _";
  throw new Problem("usage", `Cannot use the name ${quote(text)}: it ${why}`);
}

function shownNode(made: NodeFiles, done: string): Shown {
  const key =
    made.key === null ? "--route-tls-key (its own)" : `--route-tls-key ${shellWord(made.key)}`;
  return {
    document: { ...made, notAfter: new Date(made.notAfter).toISOString() },
    lines: [
      `${done} (${made.hosts.join(", ")}), valid until ${dayOf(made.notAfter)}.`,
      "The node is started with:",
      `  --route-tls-cert ${shellWord(made.cert)} ${key} --route-tls-ca ${shellWord(made.ca)}`,
    ],
  };
}

function rowOf({ name, notAfter, age, hosts }: ListedCertificate, dir: string): readonly string[] {
  const renew = `${commandName()} cert renew ${name}${dirWords(dir)}`;
  const state = {
    good: "good",
    ending: name === "ca" ? "two thirds over" : `two thirds over: ${renew}`,
    ended: name === "ca" ? "ended" : `ended: ${renew}`,
  }[age];
  return [name, notAfter.slice(0, 10), state, hosts.join(", ") || "-"];
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function dirWords(dir: string): string {
  return dir === ROUTE_TLS_FOLDER ? "" : ` --dir ${shellWord(dir)}`;
}
