/** A user that replaces its key as fast as it can, while somebody revokes it. */
import type { Callers } from "./callers.ts";
import { eventually } from "./eventually.ts";
import { loginRaw, type RawNats, type TestKey, testKey } from "./raw-nats.ts";
import { createSigner } from "./signer.ts";

/** As often as a user may replace its own key in a day. */
const KEYS_REPLACED_MAX = 5;

/** By what the revocation names the user: its name, the key it had first, or the one it has then. */
export const REVOKED_BY = ["name", "first key", "present key"] as const;

export interface Rotation {
  /** Keys that were in the user's place, in order; the last one may be of a request without an answer. */
  readonly keys: readonly TestKey[];
  readonly connections: readonly RawNats[];
  /** What the revocation was answered. */
  readonly told: string;
}

/**
 * Admits a user under a name, lets it replace its key until it may no more, and revokes it meanwhile.
 * `own` are the ways of the user to its node, `others` those of the operator who revokes.
 */
export async function rotateAgainstRevocation(parts: {
  readonly own: Callers;
  readonly others: Callers;
  readonly natsPort: number;
  readonly name: string;
  readonly by: (typeof REVOKED_BY)[number];
  /** How long the user rotates before the revocation, in ms. */
  readonly afterMs: number;
  /** Waits until the user is known where it is revoked. */
  readonly known: (key: TestKey) => Promise<void>;
}): Promise<Rotation> {
  const { own, others, natsPort, name, by } = parts;
  const first = testKey();
  await own.operator.get("POST", "/v1/users", { user: first.user, name });
  await parts.known(first);
  const keys: TestKey[] = [first];
  const connections: RawNats[] = [await loginRaw(natsPort, first)];

  async function rotate(): Promise<void> {
    for (let number = 2; number <= KEYS_REPLACED_MAX + 1; number++) {
      const signer = createSigner(own.busId, keys.at(-1));
      const next = testKey();
      const path = `/v1/users/${signer.key.user}/replace-key`;
      const body = signer.replaceBy(next, number);
      const { status } = await own.signing(signer).ask("POST", path, { body });
      if (status !== 200) return;
      keys.push(next);
      connections.push(await loginRaw(natsPort, next));
    }
  }
  async function revoke(): Promise<string> {
    await Bun.sleep(parts.afterMs);
    const path = `/v1/users/${await named()}/revoke`;
    // Another node may hear of the newest key a moment later; until then it says so.
    return await eventually(
      async () => {
        const { status, told } = await others.operator.ask("POST", path);
        return status === 404 ? null : told;
      },
      { everyMs: 1, what: `${name} to be known where it is revoked` },
    );
  }
  async function named(): Promise<string> {
    if (by === "first key") return first.user;
    if (by === "present key") return keys.at(-1)?.user ?? first.user;
    const path = `/v1/users?name=${encodeURIComponent(name)}`;
    const { users } = await others.operator.get<{ users: { user: string }[] }>("GET", path);
    return users[0]?.user ?? "";
  }
  const [told] = await Promise.all([revoke(), rotate()]);
  return { keys, connections, told };
}
