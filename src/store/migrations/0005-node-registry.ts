/**
 * What every node says of itself, those too that joined by no token, and that one was removed: its name
 * stays. SQLite drops no NOT NULL of a column, so the table is made anew. The columns that came with it
 * are null in rows that earlier entries made.
 */
export const NODE_REGISTRY = `
CREATE TABLE nodes_anew (
  node TEXT PRIMARY KEY,
  route TEXT,
  certificate TEXT CHECK (length(certificate) = 64),
  certificate_ends_at INTEGER,
  joined_at INTEGER,
  client_urls TEXT,
  api_urls TEXT,
  version TEXT,
  format INTEGER,
  announced_at INTEGER,
  removed_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO nodes_anew (node, route, certificate, certificate_ends_at, joined_at)
  SELECT node, route, certificate, certificate_ends_at, joined_at FROM nodes;
DROP TABLE nodes;
ALTER TABLE nodes_anew RENAME TO nodes;
`;
