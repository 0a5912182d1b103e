import type { UserId } from "../core/ids.ts";
import { type AuthMode, decideLogin, type Grant, type LoginProof } from "../core/login.ts";
import { looksLikeUserKey } from "../core/nkey.ts";
import type { Log } from "../system/log.ts";
import type { OpenConnection } from "./connections.ts";
import type { Directory } from "./directory.ts";

interface Facts {
  readonly mode: AuthMode;
  readonly directory: Directory;
  /** Whether enforce lets no connection of this active user be. */
  readonly refuses: (user: UserId) => boolean;
}

/**
 * Judges an open connection that is not in the registry: answers what it was granted, or null when it
 * may not be open. nats-server tells whose it is: it keeps the name of the user JWT that admitted it, which is
 * the key of a user whose login was proved.
 * Source: nats-server `server/auth_callout.go` (`processReply`), `server/monitor.go` (`Connz`).
 */
export function judgeUnknown(
  open: OpenConnection,
  facts: Facts & { readonly log: Log },
): Grant | null {
  const { connection } = open;
  const grant = grantOf(open, facts);
  if (grant === null) {
    const message = "A connection that is not in the registry may not be open, and is closed";
    facts.log.error("connection.unknown", message, { connection });
  } else {
    const message = "A connection that was not in the registry is taken in";
    facts.log.warn("connection.adopted", message, { connection });
  }
  return grant;
}

function grantOf(open: OpenConnection, { mode, directory, refuses }: Facts): Grant | null {
  const user = looksLikeUserKey(open.user) ? open.user : null;
  if (user !== null && directory.findState(user) !== "active") return null;
  if (user !== null && mode === "enforce" && refuses(user)) return null;
  const proof: LoginProof =
    user === null ? { kind: "refused", reason: "no-credentials" } : { kind: "proved", user };
  const memberships = user === null ? [] : directory.listMemberships(user);
  const decision = decideLogin({ mode, proof, memberships });
  if (decision.kind === "refused" || decision.grant.account !== open.account) return null;
  return decision.grant;
}
