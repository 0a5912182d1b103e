import { PROBLEM_TYPE_BASE } from "../../src/core/problem-document.ts";
import { EXIT, PROBLEMS, type ProblemCode } from "../../src/core/problems.ts";
import { MEANING } from "./problem-meanings.ts";

/** What whoever meets a problem can do about it. The compiler asks for one per code. */
const ADVICE: Readonly<Record<ProblemCode, string>> = {
  usage: "Read the line it printed; `unibus help` and `--help` show what a command takes.",
  "boot-refused":
    "Add what the message asks for, or listen on loopback; run the `chmod` that it names, after a look at who may write there and at what is in the folder. The guard has no switch that turns it off.",
  "cluster-refused":
    "Add what the message asks for, or leave the cluster flags out. A folder of another bus belongs to another cluster: `unibus node reset` puts aside what a node has.",
  "tls-unusable": "Check that the named file exists, is readable, is in date and fits its pair.",
  "folder-in-use": "Stop the other process, or give this node folders of its own.",
  "start-failed": "The message names the part and its reason: most often a taken port.",
  "journal-damaged":
    "The node does not run on it. On a node of a cluster, stop it, put its database aside with `unibus node reset` and start it: it takes the bus from the others; where they have lost the stream, `unibus node rebuild` (docs/cluster.md). Elsewhere keep a copy of the folder and restore the newest backup.",
  "file-exists":
    "Choose another path, or move the file away; unibus never writes over a key or certificate.",
  "file-unusable":
    "Check that the named file exists, is of the right kind, and is yours to read. Where others may write to its folder, run the `chmod` that the message names, or choose another folder.",
  "journal-rolled-back":
    "What came after is undone: revocations too. Put the right files back. On a node of a cluster, stop it, put its database aside with `unibus node reset` and start it. To go on without what was lost, remove the file that the message names (`unibus.db-head`), start the node, and do again what was lost: revoke first.",
  "level-too-old": "Start the unibus that the other nodes run, or a newer one.",
  "level-conflict": "Start a newer unibus on the nodes that are named, or remove them.",
  "schema-too-new": "Run the unibus that wrote this folder, or a newer one.",
  "node-not-found":
    "Name the node's folder with `--data-dir` (or its database with `--db`); `unibus node list` lists the nodes of a cluster.",
  "node-unreachable":
    "Start the node, or look at its log: it may be starting or stuck. Where the message names another user, nothing was sent.",
  "node-untrusted":
    "Nothing was sent. Check the URL and `--ca`; log in again only if the node was really changed.",
  "request-malformed": "Send well-formed HTTP and JSON.",
  "request-invalid": "Correct the named fields; unknown ones are refused, never dropped.",
  "request-too-large": "Send less; the bounds are on the page of limits.",
  "media-type": "Send `content-type: application/json`.",
  "route-not-found": "Check the path; the API lives under `/v1`.",
  "method-not-allowed": "Use one of the methods in the answer's `allow` header.",
  "host-unknown": "Call the node by one of its own names; `--public-url` adds some.",
  "origin-foreign": "Call the API from a program, not from another site's page.",
  "too-many-requests":
    "Wait as long as `retry-after` says. Where a reverse proxy of your own stands in front, name it in `--trusted-proxies`: all who come through it count as one address otherwise.",
  "node-busy": "Ask again in a moment.",
  unauthenticated:
    "Sign the request or send a bearer token; `unibus login` lets the command line do it.",
  "signature-malformed": "Send exactly one signature, of the form that the API's page shows.",
  "signature-incomplete": "Sign every component that the detail names, and no other.",
  "signature-expired": "Sign anew; if it stays, set the clock: `date` of the answer is the node's.",
  "signature-future": "Set the clock: `date` of the answer is the node's time.",
  "signature-long-lived": "Let `expires` be at most 60 seconds after `created`.",
  "signature-before-start": "Sign anew; the node has started since.",
  "signature-wrong": "Check method, host, path and query: what was signed is not what arrived.",
  "digest-wrong": "Send the body whose digest was signed.",
  "key-unknown": "Send the key's certificate in `unibus-certificate`.",
  "key-unusable": "Make a key with `unibus key new`.",
  "certificate-wrong": "Make the certificate for this bus; its id is in `/healthz`.",
  "user-unknown": "Have the key admitted with `unibus user add`, or redeem an invite.",
  "identity-revoked":
    "Log in with the new key if it was replaced; else ask an admin: `unibus user restore` lets a user in again.",
  "token-wrong":
    "Send it whole, as `authorization: Bearer ubt_…`, or make a new one with `unibus token create` where its user is logged in with the key.",
  "token-expired": "Make a new token with `unibus token create`.",
  forbidden:
    "Ask somebody with the right: an admin, or the room's owner. What only a user does, as making a token, is done logged in with a key, not at the node's own folder.",
  internal: "A fault of unibus; its log has the details under the same time.",
  "not-ready": "Ask again in a moment; `/healthz` says which part is not there yet.",
  "journal-unavailable":
    "Nothing was applied: ask again. If it stays, look at the disk, and in a cluster whether most nodes run.",
  "not-recorded":
    "Make room on the disk, or bring a majority of the nodes back, and revoke again, before the node is restarted; in a cluster ask the other nodes too.",
  "outcome-unknown":
    "Send the same request with the same Idempotency-Key again: it is done once, whatever came of the first.",
  "data-plane-external": "Ask the NATS server that this node was given with `--nats-url`.",
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
  "rights-taken-lately": "Wait as long as the detail says, or let another owner do it.",
  "key-replaced": "Revoke the key that the detail names first, or leave things as they are.",
  "keys-replaced-often": "Wait a day, or ask an admin to do it.",
  "last-admin":
    "Make another user an admin first; the local operator may do it anyway, with `--orphan`.",
  "last-owner":
    "Make another member an owner first, or delete the room; the local operator may do it anyway, with `--orphan`.",
  "version-conflict": "Read it again, and change what it is now.",
  "already-issued": "Delete what was made and make a new one: a secret is shown once.",
  "token-not-found": "Check the id; `unibus token list` lists your tokens.",
  "tokens-full": "Revoke tokens that are not needed.",
  "invite-not-found": "Check the invite; `unibus invite list` lists the open ones.",
  "invite-redeemed": "Ask for a new invite: each works once.",
  "invite-expired": "Ask for a new invite.",
  "invites-full": "Revoke invites that are not needed.",
  "node-token-wrong": "Copy the whole token, or have a new one made with `unibus node token`.",
  "node-token-used": "Have a new token made; if you did not use this one, find out who did.",
  "node-token-expired": "Have a new token made with `unibus node token`.",
  "node-token-unattended":
    "Leave `unibus node token` running until the new node has joined; have a new token made.",
  "node-tokens-full": "Wait until some of the tokens have expired, or use them.",
  "node-name-taken": "Choose another `--server-name`.",
  "node-removed":
    "Nothing brings it back. Let the machine join as a new node: an empty folder, a new token and another name. Its old files open routes until the bus CA and the route secret are rolled.",
  "node-ca-foreign":
    "Nothing was taken over. Use the folder of the authority that the nodes' `--route-tls-ca` names.",
  "proof-wrong": "Give the invite whole, as it was printed.",
  "record-invalid": "Make the record with a client of this version.",
  "record-required": "Wait for the version that takes signed records of members.",
  "plain-rooms-disabled":
    "Listen on loopback, or start with `--allow-plain-rooms` when the host may read every message.",
};

/** Renders the page of problems from the one table of them. */
export function renderProblems(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, exit, title }]) =>
      // The keys of the table are its codes.
      `| [\`${code}\`](problems/${code}.md) | ${status} | ${exit} | ${title} | ${ADVICE[code as ProblemCode]} |`,
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

/** Renders a page per problem, by its file name under docs/reference. */
export function renderProblemPages(): ReadonlyMap<string, string> {
  // As above.
  const codes = Object.keys(PROBLEMS) as readonly ProblemCode[];
  return new Map(codes.map((code) => [`problems/${code}.md`, renderProblemPage(code)]));
}

function renderProblemPage(code: ProblemCode): string {
  const { status, exit, title } = PROBLEMS[code];
  return `# ${title}

${MEANING[code]}

**What to do.** ${ADVICE[code]}

| code | HTTP status | exit code of the command line | type |
|---|---|---|---|
| \`${code}\` | ${status} | ${exit} | \`${PROBLEM_TYPE_BASE}${code}\` |

[All problems](../problems.md)
`;
}
