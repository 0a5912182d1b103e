/** Tokens by which new nodes join the cluster, and the nodes that did. */
export const NODES = `
CREATE TABLE node_tokens (
  token TEXT PRIMARY KEY CHECK (length(token) = 26),
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_by TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX node_tokens_by_expiry ON node_tokens (expires_at, token);

CREATE TABLE nodes (
  node TEXT PRIMARY KEY,
  route TEXT NOT NULL,
  certificate TEXT CHECK (length(certificate) = 64),
  certificate_ends_at INTEGER,
  joined_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;
