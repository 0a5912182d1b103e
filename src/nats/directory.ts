import type { UserId } from "../core/ids.ts";
import type { Membership } from "../core/permissions.ts";

/** What a decision on a connection reads: the directory as it is now. */
export interface Directory {
  findState(user: UserId): "active" | "revoked" | null;
  /** Active memberships of an active user; [] otherwise. */
  listMemberships(user: UserId): readonly Membership[];
}
