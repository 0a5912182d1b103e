import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Bus } from "../contract/bus.ts";
import type { Member } from "../contract/members.ts";
import type { Room } from "../contract/rooms.ts";
import { isLocalhost, isLoopbackAddress } from "../core/bind.ts";
import { Problem } from "../core/problems.ts";
import type { Client } from "../sdk/client.ts";
import { DEV_TLS_FOLDER } from "./cert-dev.ts";
import { shellQuoted, shellWord } from "./invocation.ts";
import { findUserKey } from "./names.ts";
import type { Remote } from "./node.ts";
import { fields } from "./output.ts";
import { allPages } from "./pages.ts";
import type { Profile } from "./profile.ts";

/** Where `unibus cert dev` puts the certificate authority. */
const DEV_CA = join(DEV_TLS_FOLDER, "ca.crt");

/** A room as one user sees it on the data plane. */
export interface View {
  readonly user: string;
  readonly role: Member["role"] | null;
  readonly state: Member["state"] | null;
  /** What the user's own messages are published under; the last token is free. */
  readonly publish: string | null;
  readonly subscribe: string | null;
  readonly inboxPrefix: string;
  /** URLs of the running node for NATS clients, then those of the others; none while it is stopped. */
  readonly servers: readonly string[];
  /** Whose NATS server that is. */
  readonly dataPlane: Bus["dataPlane"];
  /** Lines for a POSIX shell with the `nats` client. */
  readonly commands: { readonly listen: string | null; readonly speak: string | null };
}

/** Finds out what one user types to speak and listen in a room. */
export async function viewOf(
  client: Client,
  of: { readonly room: Room; readonly as: string; readonly remote: Remote | null },
): Promise<View> {
  const { room, as, remote } = of;
  const user = await findUserKey(client, as);
  const { name, member } = await findPlace(client, { room: room.room, user, remote });
  const bus = await client.bus();
  const role = member?.role ?? null;
  const speaks = role !== null && role !== "reader";
  const listens = role !== null && role !== "writer";
  const publish = speaks ? `${room.subject}.${user}.msg` : null;
  const subscribe = listens ? `${room.subject}.>` : null;
  const inboxPrefix = `_INBOX.${user}.${room.room}`;
  const profile = remote?.profile.user === user ? remote.profile : null;
  const servers = serversFor(bus, remote?.profile.url ?? null);
  const nats = natsCommand({ bus, server: servers[0], inboxPrefix, name, profile });
  return {
    user,
    role,
    state: member?.state ?? null,
    publish,
    subscribe,
    inboxPrefix,
    servers,
    dataPlane: bus.dataPlane,
    commands: {
      listen: subscribe && `${nats} sub ${shellQuoted(subscribe)}`,
      speak: publish && `${nats} pub ${shellQuoted(publish)} 'hello'`,
    },
  };
}

interface Place {
  readonly name: string | null;
  readonly member: Pick<Member, "role" | "state"> | undefined;
}

/** Finds what a user is in a room: oneself by one's own rooms, others as far as one may see them. */
async function findPlace(
  client: Client,
  of: { readonly room: string; readonly user: string; readonly remote: Remote | null },
): Promise<Place> {
  const { room, user, remote } = of;
  if (remote?.profile.user === user) {
    const { user: me, rooms } = await client.me.show();
    return { name: me?.name ?? null, member: rooms.find((one) => one.room === room) };
  }
  try {
    const { name, rooms } = await client.users.show(user);
    return { name, member: rooms.find((one) => one.room === room) };
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "forbidden") throw error;
  }
  const members = await allPages(async (page) => {
    const { members: rows, next } = await client.members.list(room, page);
    return { rows, next };
  });
  const member = members.find((one) => one.user === user);
  return { name: member?.name ?? null, member };
}

/**
 * The node's URLs for NATS clients, the nearest one first, and behind them those of the cluster's other
 * nodes: a client that has them all goes on at another one. A node that listens everywhere tells all of
 * its names, its own loopback first; elsewhere the one that the login went to is known to lead there.
 */
export function serversFor(
  { clientUrls, nodes }: Pick<Bus, "clientUrls" | "nodes">,
  loginUrl: string | null,
): readonly string[] {
  const others = nodes.flatMap((node) => node.clientUrls);
  return [...new Set([...nearestFirst(clientUrls, loginUrl), ...others])];
}

function nearestFirst(clientUrls: readonly string[], loginUrl: string | null): readonly string[] {
  if (loginUrl === null) return clientUrls;
  const { hostname } = new URL(loginUrl);
  const farness = (url: string): number => {
    const host = URL.parse(url)?.hostname ?? "";
    if (host === hostname) return 0;
    return isLocalhost(host) || host === "[::1]" || isLoopbackAddress(host) ? 2 : 1;
  };
  return clientUrls.toSorted((one, other) => farness(one) - farness(other));
}

function natsCommand(facts: {
  readonly bus: Bus;
  /** Undefined while the node is stopped. */
  readonly server: string | undefined;
  readonly inboxPrefix: string;
  readonly name: string | null;
  /** That of the user, if it logged in. */
  readonly profile: Profile | null;
}): string {
  const { bus, inboxPrefix, name, profile } = facts;
  const server = facts.server ?? "SERVER-URL";
  if (bus.dataPlane === "external") {
    // How to log in to it, and whom to trust there, is nothing that this node knows.
    return `nats --server ${shellWord(server)} --inbox-prefix ${shellWord(inboxPrefix)}`;
  }
  const loggedIn = profile?.credential.kind === "key" ? profile.credential.file : null;
  // Under this name `unibus key new` was shown to make it; the file is not opened.
  const guess = loggedIn ?? (name === null ? null : `${name}.nk`);
  const keyFile = guess !== null && existsSync(guess) ? shellWord(guess) : "KEY-FILE";
  // Beside a certificate of `unibus cert dev` lies the authority that no client knows of itself.
  const caFile = profile?.caFile ?? DEV_CA;
  const ca = bus.tls && existsSync(caFile) ? ` --tlsca ${shellWord(caFile)}` : "";
  // A line to be pasted: what the node said is quoted like everything else.
  const prefix = shellWord(inboxPrefix);
  return `nats --server ${shellWord(server)}${ca} --nkey ${keyFile} --inbox-prefix ${prefix}`;
}

export function viewLines(view: View): readonly string[] {
  const { user, role, state, publish, subscribe, inboxPrefix, servers, commands } = view;
  const external = view.dataPlane === "external";
  if (role === null) {
    return ["", `${user} is no member: it may neither speak nor listen here.`];
  }
  const waits = state === "pending" ? ["", `${user} has no rights here until it accepts.`] : [];
  return [
    ...waits,
    "",
    ...fields([
      ["as", `${user} (${role})`],
      ["publishes", publish ?? "nothing"],
      ["subscribes", subscribe ?? "nothing"],
      ["inbox", inboxPrefix],
    ]),
    ...(commands.listen ? ["", "Listen:", `  ${commands.listen}`] : []),
    ...(commands.speak ? ["", "Speak:", `  ${commands.speak}`] : []),
    ...(external
      ? ["", "The NATS server is another one's: how to log in is for its administrator to say."]
      : []),
    ...(servers.length > 0
      ? []
      : ["", "The node is stopped; its log tells SERVER-URL when it runs."]),
  ];
}
