/**
 * In the journal of a cluster a repeat of an operation has a number of its own, and its operation's id
 * stays with the first. SQLite drops no check of a column, so the table is made anew.
 */
export const NUMBERED_REPEATS = `
CREATE TABLE journal_anew (
  seq INTEGER PRIMARY KEY CHECK (seq >= 1),
  entry TEXT NOT NULL,
  outcome TEXT NOT NULL,
  changes TEXT NOT NULL,
  chain BLOB NOT NULL CHECK (length(chain) = 32),
  detail TEXT,
  operation_id TEXT UNIQUE,
  signature_id TEXT UNIQUE,
  at INTEGER NOT NULL
) STRICT;
INSERT INTO journal_anew
  (seq, entry, outcome, changes, chain, detail, operation_id, signature_id, at)
  SELECT seq, entry, outcome, changes, chain, detail, operation_id, signature_id, at FROM journal;
DROP TABLE journal;
ALTER TABLE journal_anew RENAME TO journal;
`;
