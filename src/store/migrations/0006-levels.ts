/**
 * The level that a bus began at: buses of earlier versions began at the first one. `format` of the bus,
 * which was always 1 before, is the level that it has now. With level 2 come the key that took a user's
 * place, which number of its user's keys a key is, and when an actor last took rights from a user.
 */
export const LEVELS = `
ALTER TABLE bus ADD COLUMN first_level INTEGER NOT NULL DEFAULT 1 CHECK (first_level >= 1);

ALTER TABLE users ADD COLUMN successor TEXT CHECK (length(successor) = 56);
ALTER TABLE users ADD COLUMN key_number INTEGER CHECK (key_number >= 1);
CREATE INDEX users_by_successor ON users (successor) WHERE successor IS NOT NULL;
CREATE INDEX users_present ON users (user) WHERE successor IS NULL;

CREATE TABLE rights_taken (
  actor TEXT NOT NULL CHECK (length(actor) = 56),
  user TEXT NOT NULL CHECK (length(user) = 56),
  at INTEGER NOT NULL,
  PRIMARY KEY (actor, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX rights_taken_by_time ON rights_taken (at, actor, user);
`;
