/**
 * The bus, its journal, and the rows that the journal makes. The checks make a damaged value fail
 * closed: SQLite refuses to write one, and its own integrity check names one. Every column of the journal
 * but `detail`, the words of a refusal, is proved by the chain.
 */
export const USERS_ROOMS_MEMBERS = `
CREATE TABLE bus (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  bus_id TEXT NOT NULL CHECK (length(bus_id) = 32),
  generation TEXT NOT NULL CHECK (length(generation) = 32),
  format INTEGER NOT NULL CHECK (format >= 1),
  last_seq INTEGER NOT NULL CHECK (last_seq >= 0),
  chain BLOB NOT NULL CHECK (length(chain) = 32),
  latest_at INTEGER NOT NULL CHECK (latest_at >= 0)
) STRICT;

CREATE TABLE journal (
  seq INTEGER PRIMARY KEY CHECK (seq >= 1),
  entry TEXT NOT NULL,
  outcome TEXT NOT NULL,
  changes TEXT NOT NULL,
  chain BLOB NOT NULL CHECK (length(chain) = 32),
  detail TEXT,
  operation_id TEXT NOT NULL UNIQUE,
  signature_id TEXT UNIQUE,
  at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
  user TEXT PRIMARY KEY CHECK (length(user) = 56),
  name TEXT,
  name_key TEXT UNIQUE,
  role TEXT NOT NULL CHECK (role IN ('admin', 'member')),
  state TEXT NOT NULL CHECK (state IN ('active', 'revoked')),
  accept TEXT NOT NULL CHECK (accept IN ('from-admins', 'all', 'none')),
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX users_admins ON users (state) WHERE role = 'admin';

CREATE TABLE rooms (
  room TEXT PRIMARY KEY CHECK (length(room) = 26),
  name TEXT NOT NULL,
  history TEXT NOT NULL CHECK (history IN ('k', 'n')),
  shard TEXT NOT NULL CHECK (length(shard) = 1 AND shard GLOB '[0-9a-f]'),
  content TEXT NOT NULL CHECK (content IN ('plain')),
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rooms_by_name ON rooms (name, room);
CREATE INDEX rooms_by_creator ON rooms (created_by, room);

CREATE TABLE members (
  room TEXT NOT NULL REFERENCES rooms (room),
  user TEXT NOT NULL REFERENCES users (user),
  role TEXT NOT NULL CHECK (role IN ('owner', 'member', 'reader', 'writer')),
  state TEXT NOT NULL CHECK (state IN ('pending', 'active')),
  added_at INTEGER NOT NULL,
  PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user, state, room);
`;
