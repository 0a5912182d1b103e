import type { InviteId } from "../core/ids.ts";
import type { InviteRoom } from "../core/operations.ts";
import type { InviteRecord } from "../core/records.ts";
import type { Store } from "./open.ts";
import { pageRows } from "./users.ts";

const COLUMNS = `invite, label, role, rooms, verifier, created_by AS createdBy,
  created_at AS createdAt, expires_at AS expiresAt, redeemed_by AS redeemedBy`;

/** An invite as its row is: its rooms are canonical JSON. */
type InviteRow = Omit<InviteRecord, "rooms"> & { readonly rooms: string };

/** Finds an invite by its id, a used or expired one too. */
export function findInvite({ database }: Store, invite: InviteId): InviteRecord | null {
  const row = database
    .query<InviteRow, { invite: string }>(`SELECT ${COLUMNS} FROM invites WHERE invite = $invite`)
    .get({ invite });
  return row && recordOf(row);
}

/** Lists invites by id, those after `after`; used and expired ones too. */
export function listInvites(
  { database }: Store,
  { after, limit }: { readonly after?: InviteId | undefined; readonly limit: number },
): readonly InviteRecord[] {
  return database
    .query<InviteRow, { after: string; limit: number }>(
      `SELECT ${COLUMNS} FROM invites WHERE invite > $after ORDER BY invite LIMIT $limit`,
    )
    .all({ after: after ?? "", limit: pageRows(limit) })
    .map(recordOf);
}

/** Counts the invites that nobody has used and that have not expired by then. */
export function countOpenInvites({ database }: Store, at: number): number {
  const row = database
    .query<{ count: number }, { at: number }>(
      "SELECT count(*) AS count FROM invites WHERE redeemed_by IS NULL AND expires_at > $at",
    )
    .get({ at });
  return row?.count ?? 0;
}

/** Lists the ids of the invites that expired first, at most `limit` and none after `until`. */
export function listExpiredInvites(
  { database }: Store,
  { until, limit }: { readonly until: number; readonly limit: number },
): readonly InviteId[] {
  return database
    .query<{ invite: InviteId }, { until: number; limit: number }>(
      `SELECT invite FROM invites WHERE expires_at <= $until
       ORDER BY expires_at, invite LIMIT $limit`,
    )
    .all({ until, limit })
    .map(({ invite }) => invite);
}

function recordOf(row: InviteRow): InviteRecord {
  // Rendered by apply, and verified with the journal when the node started.
  return { ...row, rooms: JSON.parse(row.rooms) as InviteRoom[] };
}
