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
