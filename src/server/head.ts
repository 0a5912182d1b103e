import type { Store } from "../store/open.ts";
import { verifyJournal } from "../store/verify.ts";
import type { Log } from "../system/log.ts";

/**
 * Verifies what is stored, and from then on keeps how far it goes outside the database. Throws
 * "journal-damaged". The log is told how far it goes, and what of it the cluster has to give again.
 */
export function verifyStore(
  store: Store,
  { db, log }: { readonly db: string; readonly log: Pick<Log, "info" | "warn"> },
): void {
  const { head } = store;
  const { entries } = verifyJournal(store);
  const begins = head?.isNew() ?? false;
  head?.keep();
  if (begins && entries > 0) {
    log.info("head.kept", "how far the journal goes is from now on kept beside the database", {
      entries,
    });
  }
  const lost = head?.lostUpTo() ?? null;
  if (lost !== null) {
    log.warn(
      "head.ahead",
      `the database ends at entry ${entries} and had entry ${lost}: its WAL was damaged or it is an older copy; what it lost is taken from the cluster again`,
      { entries, lost },
    );
  }
  log.info("store.opened", `membership store: ${db}`, { entries });
}

/** What an operator has to know about the file that is kept beside the database. */
export function headWarnings({ head }: Store): readonly string[] {
  const fault = head?.fault() ?? null;
  if (fault === null) return [];
  return [
    `how far the journal goes could not be written beside the database (${fault}), so a loss of the last entries would not be noticed`,
  ];
}
