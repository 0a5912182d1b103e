import { EXIT, PROBLEMS, Problem } from "../core/problems.ts";
import { commandName } from "./invocation.ts";
import { note, printLines, printText, reportProblem } from "./output.ts";
import { defineGroup, runStrict, type StrictGroup } from "./strict.ts";

/** The whole command line. A command is loaded when it is named: it imports only what it uses. */
export const root: StrictGroup = defineGroup({
  description: "unibus: a private message bus that a small team runs itself.",
  commands: {
    up: async () => (await import("./up.ts")).upCommand,
    serve: async () => (await import("./serve.ts")).serveCommand,
    login: async () => (await import("./login.ts")).loginCommand,
    logout: async () => (await import("./logout.ts")).logoutCommand,
    join: async () => (await import("./join.ts")).joinCommand,
    whoami: async () => (await import("./whoami.ts")).whoamiCommand,
    accept: async () => (await import("./accept.ts")).acceptCommand,
    user: async () => (await import("./user.ts")).userGroup,
    room: async () => (await import("./room.ts")).roomGroup,
    token: async () => (await import("./token.ts")).tokenGroup,
    invite: async () => (await import("./invite.ts")).inviteGroup,
    node: async () => (await import("./node-group.ts")).nodeGroup,
    key: async () => (await import("./key.ts")).keyGroup,
    cert: async () => (await import("./cert.ts")).certGroup,
    refusals: async () => (await import("./refusals.ts")).refusalsCommand,
    health: async () => (await import("./health.ts")).healthCommand,
    version: async () => (await import("./version.ts")).versionCommand,
    completions: async () => (await import("./completions.ts")).completionsCommandOf(() => root),
  },
});

const OVERVIEW_WORDS = new Set(["help", "--help", "-help", "-h"]);

/**
 * Runs the command that the arguments name and answers the exit code: 0 done, 1 failed, 2 wrong
 * usage, 3 refused, 4 unreachable. Whatever fails is told in one line on stderr; it never throws.
 */
export async function runCli(argv: readonly string[]): Promise<number> {
  const [first] = argv;
  if (
    argv.length === 0 ||
    (argv.length === 1 && first !== undefined && OVERVIEW_WORDS.has(first))
  ) {
    printLines(overview(commandName()));
    return EXIT.done;
  }
  const words = first === "--version" ? ["version", ...argv.slice(1)] : argv;
  try {
    refuseNotUtf8(argv);
    return await runStrict(root, words, { name: "unibus", print: printText });
  } catch (error) {
    return report(error, argv);
  }
}

/** What is not UTF-8 arrives with replacement characters: another name than what was typed. */
function refuseNotUtf8(argv: readonly string[]): void {
  if (!argv.some((word) => word.includes("\ufffd"))) return;
  throw new Problem("usage", "Cannot run unibus: an argument is not UTF-8");
}

function report(error: unknown, argv: readonly string[]): number {
  const json = argv.some((word) => /^--?json(=true)?$/.test(word));
  if (error instanceof Problem) {
    reportProblem(error, { json });
    return PROBLEMS[error.code].exit;
  }
  const detail = error instanceof Error ? error.message : String(error);
  if (json) reportProblem(new Problem("internal", detail), { json });
  else note(`unibus: internal error: ${detail.replace(/\s+/g, " ")}`);
  return EXIT.failed;
}

function overview(unibus: string): readonly string[] {
  return [
    "unibus: a private message bus that a small team runs itself.",
    "",
    "To start with:",
    `  ${unibus} up                              run a node, safely; makes the first admin's key`,
    `  ${unibus} key new alice.nk                make a key`,
    `  ${unibus} user add PUBLIC-KEY --name N    admit it`,
    `  ${unibus} room create ops --owner N       make a room`,
    `  ${unibus} room show ops --as N            what to type into any NATS client`,
    `  ${unibus} user revoke N                   throw a key out`,
    "",
    "From another machine:",
    `  ${unibus} login URL --key alice.nk        speak to a node elsewhere from now on`,
    `  ${unibus} invite create                   let somebody in whose key you have not seen`,
    `  ${unibus} join URL --invite-file F --key bob.nk    come in by an invite`,
    "",
    "All commands:",
    "  up, serve                        run a node",
    "  login, logout, join              go to a node elsewhere, and leave it",
    "  whoami, accept                   who you are there, and who may add you to rooms",
    "  user seed | add | list | show | update | replace-key | revoke | restore",
    "  room create | list | show | rename | add | remove | accept | leave | delete",
    "  token create | list | revoke     act where there is no key, for a while",
    "  invite create | list | revoke    let people join by themselves",
    "  node token | join | list         nodes of a cluster, and how a machine becomes one",
    "  key new | show | successor       keys, without a node",
    "  cert dev                         certificates to try TLS with",
    "  refusals                         who was refused, and why",
    "  health                           whether the node does its work",
    "  version, completions",
    "",
    `The options of a command: ${unibus} COMMAND --help. With --json every answer is a document.`,
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 node not reachable.",
  ];
}
