import { type Identity, openIdentity } from "../../src/sdk/identity.ts";
import type { TestBus } from "./builders.ts";
import { bytesOf } from "./ed25519.ts";
import { encodeSeed } from "./nkey.ts";

/** The secret seed of a user: a random one, or always the same one for a label. */
export function aSeed(label?: string): string {
  return encodeSeed(bytesOf(label));
}

/** An identity that no bus knows, of `aSeed`. */
export function anIdentity(label?: string): Promise<Identity> {
  return openIdentity(aSeed(label));
}

/** The identity of a user who is admitted to a bus. */
export async function anAdmitted(
  bus: Pick<TestBus, "must">,
  role: "admin" | "member" = "member",
): Promise<Identity> {
  const identity = await anIdentity();
  await bus.must({ kind: "user.add", user: identity.user, name: null, role });
  return identity;
}

/** The body that puts one identity in another's place, as its second key unless said otherwise. */
export async function replacementBody(replacement: {
  /** Id of the bus. */
  readonly bus: string;
  readonly old: Pick<Identity, "user" | "signReplacement">;
  readonly by: Pick<Identity, "user" | "signReplacement">;
  readonly number?: number;
}) {
  const { bus, number = 2 } = replacement;
  const [old, by] = [replacement.old.user, replacement.by.user];
  const signed = { bus, old, by, number };
  const [byNew, byOld] = await Promise.all([
    replacement.by.signReplacement(signed),
    replacement.old.signReplacement(signed),
  ]);
  return { user: by, proof: { number, byNew, byOld } };
}
