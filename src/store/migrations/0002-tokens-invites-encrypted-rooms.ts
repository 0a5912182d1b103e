/**
 * Rooms may be encrypted, and have the first record of their log; users have tokens, and a bus has
 * invites. SQLite changes no check of a table, so that of rooms is made anew; foreign keys have to be
 * off meanwhile. The row of a genesis stays when its room is deleted: a room's id is the digest of its
 * record, and is never used again.
 */
export const TOKENS_INVITES_ENCRYPTED_ROOMS = `
CREATE TABLE rooms_anew (
  room TEXT PRIMARY KEY CHECK (length(room) = 26),
  name TEXT NOT NULL,
  history TEXT NOT NULL CHECK (history IN ('k', 'n')),
  shard TEXT NOT NULL CHECK (length(shard) = 1 AND shard GLOB '[0-9a-f]'),
  content TEXT NOT NULL CHECK (content IN ('plain', 'encrypted')),
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO rooms_anew (room, name, history, shard, content, created_at, created_by)
  SELECT room, name, history, shard, content, created_at, created_by FROM rooms;
DROP TABLE rooms;
ALTER TABLE rooms_anew RENAME TO rooms;
CREATE INDEX rooms_by_name ON rooms (name, room);
CREATE INDEX rooms_by_creator ON rooms (created_by, room);
CREATE INDEX members_owners ON members (room, user) WHERE role = 'owner' AND state = 'active';

CREATE TABLE geneses (
  room TEXT PRIMARY KEY CHECK (length(room) = 26),
  record TEXT NOT NULL,
  signature TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  token TEXT PRIMARY KEY CHECK (length(token) = 26),
  user TEXT NOT NULL REFERENCES users (user),
  label TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
  room TEXT CHECK (length(room) = 26),
  hash TEXT NOT NULL CHECK (length(hash) = 64),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_user ON tokens (user, token);

CREATE TABLE invites (
  invite TEXT PRIMARY KEY CHECK (length(invite) = 26),
  label TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('admin', 'member')),
  rooms TEXT NOT NULL,
  verifier TEXT NOT NULL CHECK (length(verifier) = 64),
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  redeemed_by TEXT REFERENCES users (user)
) STRICT, WITHOUT ROWID;
CREATE INDEX invites_by_expiry ON invites (expires_at, invite);
CREATE INDEX invites_open ON invites (expires_at) WHERE redeemed_by IS NULL;
`;
