import { createHash } from "node:crypto";
import type { NatsConnection } from "@nats-io/transport-node";

/** A server that has a vote in JetStream's cluster, as its leader tells. */
export interface MetaMember {
  /** Empty, or no name of ours, where the leader has not seen it since it started. */
  readonly name: string;
  readonly peer: string;
}

const REMOVE_TIMEOUT_MS = 2_000;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PEER_CHARS = 8;

/**
 * The id by which JetStream's cluster knows a server: made of its name.
 * Source: nats-server `server/util.go` (`getHashSize`).
 */
export function peerOf(name: string): string {
  const digest = createHash("sha256").update(name).digest();
  return [...digest.subarray(0, PEER_CHARS)].map((byte) => DIGITS[byte % DIGITS.length]).join("");
}

/** Finds the members that are servers of these names. */
export function membersNamed(
  members: readonly MetaMember[],
  names: readonly string[],
): readonly { readonly name: string; readonly peer: string }[] {
  return names.flatMap((name) => {
    const peer = peerOf(name);
    return members.some((one) => one.name === name || one.peer === peer) ? [{ name, peer }] : [];
  });
}

/**
 * Takes a server out of JetStream's cluster: it counts no more for any majority, and what it had
 * replicas of gets others. Answers what nats-server said, in words.
 * Source: nats-server `server/jetstream_api.go` (`jsLeaderServerRemoveRequest`), in the system account.
 */
export async function removeMember(
  system: Pick<NatsConnection, "request">,
  { name, peer }: { readonly name: string; readonly peer: string },
): Promise<string> {
  const body = JSON.stringify({ peer: name, peer_id: peer });
  const answer = await system.request("$JS.API.SERVER.REMOVE", body, {
    timeout: REMOVE_TIMEOUT_MS,
  });
  return answer.string();
}
