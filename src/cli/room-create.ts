import type { CreateRoomBody, Room } from "../contract/rooms.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { makeGenesis } from "../sdk/genesis.ts";
import { commandName, placeArguments, shellWord } from "./invocation.ts";
import { findUserKey } from "./names.ts";
import type { Remote } from "./node.ts";
import { choiceOf, type Given, nodeOptions, onNode, textOf } from "./node-command.ts";
import { defineStrict } from "./strict.ts";

const HISTORIES = ["keep", "off"] as const;
const ACCESSES = ["all", "from-joining"] as const;

export const roomCreate = defineStrict({
  description:
    "Makes a room. Logged in to a node elsewhere you are its owner; at the node itself its operator names one. What is said in a plain room can be read by whoever holds the node's machine; an encrypted one is begun by a record that your key signs, and nothing seals what is said there yet.",
  positionals: [{ name: "NAME", required: true, help: "a name for people" }],
  options: nodeOptions([
    {
      name: "owner",
      kind: "text",
      value: "USER",
      help: "who owns it, at the node itself; one can be added later",
    },
    {
      name: "history",
      kind: "text",
      value: "WHEN",
      default: "keep",
      help: "keep|off: whether its messages belong in history; fixed for the room's life",
    },
    {
      name: "encrypted",
      kind: "boolean",
      help: "begin a room that its members alone will be able to read; this version does not seal yet, and takes nobody else in; logged in with a key only",
    },
    {
      name: "newcomers-read",
      kind: "text",
      value: "WHAT",
      default: "all",
      help: "all|from-joining: what of an encrypted room's past its later members can read; fixed for its life",
    },
  ]),
  examples: ["unibus room create ops --owner alice", "unibus room create board --encrypted"],
  run: ({ positionals, given }) => {
    const owner = textOf(given, "owner");
    const history = choiceOf(given, "history", HISTORIES) ?? "keep";
    refuseStrayAccess(given);
    return onNode(given, async ({ client, remote, place }) => {
      const body: CreateRoomBody = {
        name: positionals.NAME,
        history,
        ...(owner === undefined ? {} : { owner: await findUserKey(client, owner) }),
        ...(given.encrypted === true ? await encryptedPart(given, remote) : {}),
      };
      const room = await client.rooms.create(body);
      const next = nextCommand(room, { owner, isOwn: remote !== null });
      const said = `${next}${placeArguments(place)}`;
      return {
        document: room,
        lines: [
          `The room ${quote(room.name)} is made: ${room.room}`,
          ...(room.content === "encrypted"
            ? ["Nothing seals what is said there yet: the node's machine can read it."]
            : []),
          said,
        ],
      };
    });
  },
});

function refuseStrayAccess(given: Given): void {
  if (choiceOf(given, "newcomers-read", ACCESSES) === undefined || given.encrypted === true) return;
  throw new Problem("usage", "Cannot use --newcomers-read: it is for rooms made with --encrypted");
}

async function encryptedPart(
  given: Given,
  remote: Remote | null,
): Promise<Pick<CreateRoomBody, "content" | "genesis">> {
  const identity = remote?.identity ?? null;
  if (!remote || !identity) {
    throw new Problem(
      "usage",
      "Cannot make an encrypted room: its owner's key signs its first record, so log in with one, in another folder than a node's: unibus login URL --key FILE --data-dir FOLDER",
    );
  }
  const history = choiceOf(given, "newcomers-read", ACCESSES) ?? "all";
  const busId = remote.profile.bus;
  const genesis = await makeGenesis({ identity, busId, history, created: Date.now() });
  return { content: "encrypted", genesis };
}

function nextCommand(
  { room }: Room,
  { owner, isOwn }: { readonly owner: string | undefined; readonly isOwn: boolean },
): string {
  const show = `See how to speak there with: ${commandName()} room show ${room}`;
  if (owner !== undefined) return `${show} --as ${shellWord(owner)}`;
  if (isOwn) return show;
  return `It has no members yet; add the first with: ${commandName()} room add ${room} USER --role owner`;
}
