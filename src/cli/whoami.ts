import type { Me } from "../contract/me.ts";
import { commandName, placeArguments } from "./invocation.ts";
import { labelOf } from "./names.ts";
import { type CommandNode, nodeOptions, onNode, type Shown } from "./node-command.ts";
import { fields, table } from "./output.ts";
import { defineStrict } from "./strict.ts";

export const whoamiCommand = defineStrict({
  description:
    "Says who you are to the node that the commands speak to, by what it knows that, and which rooms you are in or asked into.",
  options: nodeOptions(),
  run: ({ given }) =>
    onNode(given, async ({ client, remote, place, running }) => {
      const me = await client.me.show();
      return shownOf(me, { remote, place, running });
    }),
});

function shownOf(me: Me, node: Pick<CommandNode, "remote" | "place" | "running">): Shown {
  const profile = node.remote?.profile ?? null;
  const file = profile?.credential.file ?? null;
  const at = {
    url: profile?.url ?? null,
    bus: profile?.bus ?? null,
    dataDir: node.place.dataDir,
    running: node.running,
  };
  const where =
    profile === null
      ? `${node.running ? "the running node" : "the stopped node"} of ${node.place.dataDir}`
      : `${profile.url} (bus ${profile.bus})`;
  return {
    document: { ...me, node: at, file },
    lines: [
      ...fields([...personOf(me), ["by", proofOf(me, node)], ["node", where]]),
      ...roomLines(me, placeArguments(node.place)),
    ],
  };
}

function personOf({ kind, user }: Me): readonly (readonly [string, string])[] {
  if (user === null) return [["you", kind === "operator" ? "the local operator" : kind]];
  return [
    ["you", labelOf(user)],
    ["role", user.role],
    ["accepts", acceptWords[user.accept]],
  ];
}

const acceptWords = {
  "from-admins": "from-admins: admins add you to rooms at once, others ask",
  all: "all: everybody adds you to rooms at once",
  none: "none: you are asked by everybody",
} as const;

function proofOf({ scope }: Me, { remote, running }: Pick<CommandNode, "remote" | "running">) {
  if (remote) {
    const { kind, file } = remote.profile.credential;
    return scope === null ? `the ${kind} in ${file}` : `the token in ${file} (scope ${scope})`;
  }
  return running ? "the node's own socket" : "the node's own folder";
}

function roomLines({ user, rooms }: Me, place: string): readonly string[] {
  if (user === null) return [];
  if (rooms.length === 0) return ["", "You are in no room yet."];
  const waiting = rooms.filter(({ state }) => state === "pending").length;
  return [
    "",
    ...table(
      ["ROOM", "ROLE", "STATE", "NAME"],
      rooms.map(({ room, role, state, name }) => [room, role, state, name]),
    ),
    ...(waiting > 0
      ? [
          "",
          `You are asked into ${waiting === 1 ? "one room" : `${waiting} rooms`}; take or decline with: ${commandName()} room accept ROOM${place}, or room leave`,
        ]
      : []),
  ];
}
