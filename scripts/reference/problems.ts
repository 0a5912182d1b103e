import { EXIT, PROBLEMS, type ProblemCode } from "../../src/core/problems.ts";

/** What whoever meets a problem can do about it. The compiler asks for one per code. */
const ADVICE: Readonly<Record<ProblemCode, string>> = {
  usage: "Read the line it printed; `unibus help` and `--help` show what a command takes.",
  "boot-refused":
    "Add what the message asks for, or listen on loopback. The guard has no switch that turns it off.",
  "cluster-refused": "Add what the message asks for, or leave the cluster flags out.",
  "tls-unusable": "Check that the named file exists, is readable, is in date and fits its pair.",
  "folder-in-use": "Stop the other process, or give this node folders of its own.",
  "start-failed": "The message names the part and its reason: most often a taken port.",
  "journal-damaged":
    "The node does not run on it. Keep a copy of the folder and restore the newest backup.",
  "file-exists":
    "Choose another path, or move the file away; unibus never writes over a key or certificate.",
  "file-unusable": "Check that the named file exists, is of the right kind, and is yours to read.",
  "schema-too-new": "Run the unibus that wrote this folder, or a newer one.",
  "node-not-found": "Name the node's folder with `--data-dir` (or its database with `--db`).",
  "node-unreachable": "Start the node, or look at its log: it may be starting or stuck.",
  "request-malformed": "Send well-formed HTTP and JSON.",
  "request-invalid": "Correct the named fields; unknown ones are refused, never dropped.",
  "request-too-large": "Send less; the bounds are on the page of limits.",
  "media-type": "Send `content-type: application/json`.",
  "route-not-found": "Check the path; the API lives under `/v1`.",
  "method-not-allowed": "Use one of the methods in the answer's `allow` header.",
  "host-unknown": "Call the node by one of its own names; `--public-url` adds some.",
  "origin-foreign": "Call the API from a program, not from another site's page.",
  unauthenticated: "Use the command line on the node's machine.",
  forbidden: "Ask somebody with the right: an admin, or the room's owner.",
  internal: "A fault of unibus; its log has the details under the same time.",
  "not-ready": "Ask again in a moment; `/healthz` says which part is not there yet.",
  "journal-unavailable": "Nothing was applied: ask again. If it stays, look at the disk.",
  "idempotency-conflict": "Use a new Idempotency-Key for a new request.",
  "signature-repeated": "Sign each request anew.",
  "key-invalid": "Give the public key, `U` and 55 more characters; `unibus key show` prints it.",
  "bus-has-admin": "Add further users with `unibus user add`.",
  "user-exists": "Nothing to do; `unibus user show` shows the user.",
  "user-not-found": "Check the key or name; `unibus user list` lists them.",
  "user-revoked": "Restore the user first, or take another one.",
  "name-taken": "Choose another name.",
  "name-ambiguous": "Give the key or id in place of the name.",
  "room-not-found": "Check the id or name; a room that one may not see is not found either.",
  "room-exists": "Take a new id; the client makes a random one.",
  "rooms-full": "Leave a room first.",
  "room-full": "Remove a member, or make a second room.",
  "pending-full": "The user accepts or declines some of the waiting memberships first.",
  "member-not-found": "Check the user; `unibus room show` lists the members.",
  "plain-rooms-disabled":
    "Listen on loopback, or start with `--allow-plain-rooms` when the host may read every message.",
};

/** Renders the page of problems from the one table of them. */
export function renderProblems(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, exit, title }]) =>
      // The keys of the table are its codes.
      `| \`${code}\` | ${status} | ${exit} | ${title} | ${ADVICE[code as ProblemCode]} |`,
  );
  const exits = Object.entries(EXIT).map(([name, code]) => `${code} ${name}`);
  return `# Problems

Every error that unibus answers has one of these codes: in the API as \`application/problem+json\`
(RFC 9457, the code ends the \`type\`), in the command line as one line on stderr and an exit code.
A code is never used again for something else.

Exit codes of the command line: ${exits.join(", ")}.

| code | HTTP | exit | title | what to do |
|---|---|---|---|---|
${rows.join("\n")}
`;
}
