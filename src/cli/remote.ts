import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { type Client, createClient } from "../sdk/client.ts";
import { advised } from "./advice.ts";
import { openCredential, type Proof } from "./credential.ts";
import type { Node } from "./node.ts";
import { type Credential, PROFILE_FILE, type Profile } from "./profile.ts";
import { type RemoteAddress, remoteFetch } from "./remote-fetch.ts";

/** A node of another machine that answered, and which bus it is of. */
export interface Reached {
  readonly bus: string;
  /** Whether it refuses whoever cannot prove a user, rather than take it for anybody. */
  readonly enforces: boolean;
  /** Makes a client that asks as whoever the proof is of. */
  as(proof: Proof): Client;
}

/**
 * Asks a node, as nobody, which bus it is of; no secret is used before that.
 * Throws "node-unreachable", or "node-untrusted" for one that cannot prove that it is the node meant.
 */
export async function reachNode(address: RemoteAddress): Promise<Reached> {
  const way = { fetch: remoteFetch(address), baseUrl: address.url };
  const health: unknown = await createClient(way).health();
  const facts = factsOf(health);
  if (facts === null) {
    throw new Problem(
      "node-unreachable",
      `Cannot use ${address.url}: what answers there is no node of unibus`,
    );
  }
  const { bus } = facts;
  return {
    ...facts,
    as: ({ identity, token }) =>
      createClient({
        ...way,
        busId: bus,
        ...(identity ? { identity } : {}),
        ...(token === null ? {} : { token }),
      }),
  };
}

/**
 * Opens the node of a profile. Throws also "node-untrusted" when another bus answers at its URL, and
 * "file-unusable" when the key or token cannot be used.
 */
export async function openRemote(folder: string, profile: Profile): Promise<Node> {
  const { url, bus, user, credential } = profile;
  const proof = await openProof(folder, credential);
  if (proof.identity && proof.identity.user !== user) {
    throw new Problem(
      "file-unusable",
      `Cannot use the key file ${quote(credential.file)}: it holds another key than ${user}, which logged in; log in again if that is meant`,
    );
  }
  const reached = await reachNode(profile);
  if (reached.bus !== bus) {
    throw new Problem(
      "node-untrusted",
      `Cannot use ${url}: another bus answers there than the one that was logged in to; if its operator began a new one, log in again`,
    );
  }
  const client = reached.as(proof);
  // A change would be made as anybody's before one knew.
  if (!reached.enforces) await advised(client.me.show);
  return {
    client,
    running: true,
    where: `the node at ${url}, by ${folder}/${PROFILE_FILE}`,
    remote: { profile, identity: proof.identity },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Opens the key or token that a login named, which may have been moved since. */
async function openProof(folder: string, credential: Credential): Promise<Proof> {
  try {
    return await openCredential(credential);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const detail = `${error.detail}; the login in ${quote(folder)} names it, log in again if it has moved`;
    throw new Problem(error.code, detail, { cause: error });
  }
}

/** Reads what is needed of a node's health; what answers may be anything, so null when it is none. */
function factsOf(health: unknown): Pick<Reached, "bus" | "enforces"> | null {
  const bus = memberOf(health, "bus");
  const mode = memberOf(memberOf(health, "posture"), "mode");
  if (typeof bus !== "string" || !/^[0-9a-f]{32}$/.test(bus)) return null;
  return { bus, enforces: mode === "enforce" };
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
