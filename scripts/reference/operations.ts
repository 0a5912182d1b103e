import type { ChangeKind } from "../../src/core/operations.ts";

/** What each kind does. The compiler asks for one per kind. */
const MEANING: Readonly<Record<ChangeKind, string>> = {
  "bus.found": "Begins the journal of a cluster with a new bus.",
  "bus.continued": "Begins the journal of a cluster with a bus that has entries already.",
  "bus.raise":
    "Raises the level of the bus: the rules and columns by which later entries are applied.",
  "user.seed": "Makes the first admin of a bus that has none.",
  "user.add": "Admits a key to the bus.",
  "user.revoke": "Takes every right from a user; open connections are closed.",
  "user.restore": "Admits a revoked user again; the rooms it was in are its own again.",
  "user.update": "Changes a user's name or role, or whose adding it takes.",
  "user.replace-key":
    "Puts a new key in a user's place: its name, role and plain rooms; the old key is revoked.",
  "token.create": "Makes a bearer token; its secret is not in it.",
  "token.revoke": "Ends a token.",
  "invite.create": "Makes an invite to the bus; its secret is not in it.",
  "invite.revoke": "Ends an invite.",
  "invite.redeem": "Admits the key that an invite was used with.",
  "room.create": "Makes a room and, when one is named, its owner.",
  "room.update": "Gives a room another name.",
  "room.delete": "Deletes a room with its memberships; its id is never used again.",
  "member.add": "Adds a user to a room, or changes the role; the user may have to accept.",
  "member.accept": "Accepts a waiting membership: rights begin.",
  "member.remove": "Removes a user from a room, or declines a waiting membership.",
  "node.token": "Lets one new node into the cluster, for a while; its secret is not in it.",
  "node.joined": "Records the node that a token was used by; no other can use it.",
  "node.announced": "Records what a node tells of itself: how it is reached, and its version.",
  "node.removed": "Takes a node out of the cluster for good; its name is never used again.",
};

const FIELD = /(?:\/\*\*\s*((?:(?!\*\/)[\s\S])*?)\s*\*\/\s*)?readonly (\w+): ([^;}]+?)\s*[;}]/g;

interface Field {
  readonly name: string;
  readonly type: string;
  readonly words: string;
}

function fieldsOf(text: string): readonly Field[] {
  return [...text.matchAll(FIELD)].map(([, comment = "", name = "", type = ""]) => ({
    name,
    type: type.replaceAll("|", "\\|"),
    words: comment.replace(/\s*\n\s*\*\s*/g, " "),
  }));
}

/** The part of a file from a declaration to the empty line behind it. */
function declaration(text: string, head: string): string {
  const start = text.indexOf(head);
  if (start < 0) throw new Error(`src/core/operations.ts has no "${head}"`);
  return text.slice(start, text.indexOf("\n\n", start));
}

/** Renders the page of operations. `text` is src/core/operations.ts: its types are read as text. */
export function renderOperations(text: string): string {
  const shared = fieldsOf(declaration(text, "export interface Operation {")).map(
    ({ name, type, words }) => `| \`${name}\` | \`${type}\` | ${words} |`,
  );
  const kinds = declaration(text, "export type Change =")
    .split(/^ {2}\| /m)
    .slice(1)
    .map(fieldsOf)
    .map(([kind, ...fields]) => {
      const carries = fields.map(({ name, type }) => `\`${name}: ${type}\``).join(", ");
      const code = kind?.type.replaceAll('"', "") ?? "";
      // The kinds of the type are the keys of the table; the compiler compares them.
      return `| \`${code}\` | ${carries} | ${MEANING[code as ChangeKind]} |`;
    });
  return `# Operations

Every change of the bus is one operation in the journal. It carries all that was chosen for it, so
that applying it again, anywhere, gives the same state.

| kind | carries | what it does |
|---|---|---|
${kinds.join("\n")}

Every operation also has:

| field | type | meaning |
|---|---|---|
${shared.join("\n")}
`;
}
