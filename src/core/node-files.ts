// Names of a node's files. Who makes one and who looks for it are in different folders of this tree.

export const DATABASE_FILE = "unibus.db";
/** The admin socket, beside the database. */
export const SOCKET_FILE = "unibus.sock";
/** The mode of the last run, beside the database. */
export const MODE_FILE = "unibus.mode";
/** People's keys that `up` made, in the data folder. The node never reads them. */
export const KEYS_FOLDER = "keys";
/** In each folder that one node alone may use. */
export const LOCK_FILE = "unibus.lock";
/** Behind the database's name: the same file as its log, under a name that SQLite does not remove. */
export const LOG_ROOM_SUFFIX = "-room";
/** Room that is given up when the disk is full, beside the database. */
export const BALLAST_FILE = "unibus.ballast";
/** What the next start is to do after a rebuild, a reset or a growth, beside the database. */
export const RESTORE_FILE = "unibus.restore";
/** Behind the database's name: how far its journal goes, kept outside of it. */
export const HEAD_FILE_SUFFIX = "-head";
