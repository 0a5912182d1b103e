/** What ends a text in some language that a query may be written in. */
const ENDS = ["'", '"', "`", "\\'", "')", "'))", "%27", "\u2019", "\u02bc", "]"];
/** What would then be done. */
const TAILS = [
  " OR 1=1--",
  " OR 'a'='a",
  "; DROP TABLE users;--",
  "; DELETE FROM rooms;--",
  "; UPDATE users SET role='admin';--",
  " UNION SELECT * FROM tokens--",
  " UNION SELECT sql FROM sqlite_master--",
  "||(SELECT verifier FROM invites)||'",
  "; ATTACH 'x.db' AS x;--",
  "; PRAGMA writable_schema=1;--",
  " AND randomblob(900000000)--",
  " AND load_extension('x')--",
  "; VACUUM INTO 'x.db';--",
  "/*",
  " --\u0020",
  "\t;COMMIT;BEGIN",
  " COLLATE NOCASE",
];
/** What means something by itself. */
const ALONE = [
  ...[
    "%",
    "_",
    "%%",
    "_%",
    "*",
    "?",
    "?1",
    ":name",
    "@name",
    "$name",
    "$1",
    "#",
    ";",
    "--",
    "/**/",
  ],
  ...["\\", "\\\\", "''", "x'00'", "NULL", "null", "0x27", "1e309", "-1", "9223372036854775808"],
  ...["\0", "a\0b", "\n", "\u2028", "$" + "{7*7}"],
];

/** 200 texts that mean something in SQL, each with a mark of its own that does not change that. */
export const SQL_PAYLOADS: readonly string[] = [
  ...ENDS.flatMap((end) => TAILS.map((tail) => `${end}${tail}`)),
  ...ALONE,
];
