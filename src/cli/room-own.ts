import type { Member } from "../contract/members.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import type { Client } from "../sdk/client.ts";
import { commandName } from "./invocation.ts";
import { findOwnRoomId, findRoomId, findUserKey } from "./names.ts";
import { nodeOptions, onNode, type Shown } from "./node-command.ts";
import { ROOM } from "./room-arguments.ts";
import { defineStrict } from "./strict.ts";

/** What a user decides about a room for itself. */

export const roomAccept = defineStrict({
  description:
    "Accepts a membership that waits: your own, or, at the node itself, that of the user whom its operator names.",
  positionals: [
    ROOM,
    { name: "USER", required: false, help: "whose it is, for the operator: a key or a name" },
  ],
  options: nodeOptions(),
  examples: ["unibus room accept ops"],
  run: ({ positionals, given }) =>
    onNode(given, async ({ client, remote }) => {
      const { ROOM: room, USER: user } = positionals;
      if (user !== undefined) return acceptFor(client, { room, user });
      if (!remote) {
        throw new Problem(
          "usage",
          "Cannot run unibus room accept: USER is missing; at the node itself you are its operator, who is in no room",
        );
      }
      const member = await client.me.accept(await findOwnRoomId(client, room));
      return { document: member, lines: [`You are ${member.role} of ${quote(room)} now`] };
    }),
});

export const roomLeave = defineStrict({
  description: "Leaves a room, or declines to be in it; its last owner cannot leave it.",
  positionals: [ROOM],
  options: nodeOptions(),
  run: ({ positionals, given }) =>
    onNode(given, async ({ client, remote }) => {
      if (!remote) {
        throw new Problem(
          "forbidden",
          `Cannot leave a room: at the node itself you are its operator, who is in no room; take a user out with: ${commandName()} room remove ROOM USER`,
        );
      }
      const room = await findOwnRoomId(client, positionals.ROOM);
      await client.me.leave(room);
      const lines = [`You are not in ${quote(positionals.ROOM)} any more`];
      return { document: { room, left: true }, lines };
    }),
});

async function acceptFor(
  client: Client,
  named: { readonly room: string; readonly user: string },
): Promise<Shown> {
  const room = await findRoomId(client, named.room);
  const user = await findUserKey(client, named.user);
  const member: Member = await client.members.accept({ room, user });
  const lines = [`${quote(named.user)} is ${member.role} of ${quote(named.room)} now`];
  return { document: member, lines };
}
