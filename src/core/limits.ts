/** Every bound in one place, with its unit and reason. */

/** Characters of a user's or room's name: fits a line of a list. */
export const NAME_CHARS_MAX = 64;
/** Rooms one user may be in: one JWT carries the rights of all (1,000 rooms are 120 KiB of it). */
export const ROOMS_PER_USER_MAX = 500;
/** Memberships of one user that wait for acceptance: strangers may not fill a user's list. */
export const PENDING_PER_USER_MAX = 50;
/** Members of one plain room. */
export const MEMBERS_PER_ROOM_MAX = 10_000;
/** Live NATS connections of one user: a person's devices, a service's replicas. */
export const CONNECTIONS_PER_USER_MAX = 20;
/** Subscriptions of one NATS connection. */
export const SUBSCRIPTIONS_PER_CONNECTION_MAX = 1_000;
/** Bytes of one message's payload. */
export const PAYLOAD_BYTES_MAX = 256 * 1024;
/** Bytes of one NATS protocol message: a login's answer with 1,000 rooms must fit. */
export const NATS_PAYLOAD_BYTES_MAX = 1024 * 1024;
/** NATS connections of the whole node. */
export const NATS_CONNECTIONS_MAX = 65_536;
/** Bytes that may wait for one slow NATS client before it is dropped: a user has up to 20 of them. */
export const NATS_PENDING_BYTES_MAX = 16 * 1024 * 1024;
/** How long a NATS client may take to log in; a free socket of an attacker lives this long. */
export const NATS_LOGIN_TIMEOUT_MS = 5_000;
/** How long a write to a NATS client may take. */
export const NATS_WRITE_DEADLINE_MS = 10_000;
/** Life of a user JWT: a backstop behind the kick, as each end is a reconnect. */
export const USER_JWT_LIFE_MS = 24 * 3_600_000;
/** Part of a JWT's life by which its end is spread, so that logins do not come all at once. */
export const USER_JWT_JITTER = 0.2;
/** Kicks under way at once: enough for 1,000 in well under a second, few enough to spare logins. */
export const KICKS_IN_FLIGHT_MAX = 32;
/** The longest that an answer to a repeated refusal is held back. */
export const REFUSAL_DELAY_MS_MAX = 1_000;
/** Refusals held back at once; the next ones are answered at once. */
export const REFUSALS_DELAYED_MAX = 1_000;
/** Addresses and keys whose refusals are remembered. */
export const REFUSED_SOURCES_MAX = 10_000;
/** Last refusals that an admin can look at. */
export const REFUSALS_KEPT_MAX = 200;
/** How often the registry of connections is compared with nats-server's own list. */
export const REGISTRY_RECONCILE_MS = 60_000;
/** Bytes of a request's body on routes that take JSON. */
export const JSON_BODY_BYTES_MAX = 64 * 1024;
/** Bytes of any request's body: what Bun cuts off if a route should ever forget its own ceiling. */
export const HTTP_BODY_BYTES_MAX = 1024 * 1024 * 1024;
/** How long a connection may be silent; Bun gives a slow body the same time. */
export const HTTP_IDLE_TIMEOUT_MS = 10_000;
/** How deep JSON of a request may be nested: ours never is, and a parser's stack is finite. */
export const JSON_DEPTH_MAX = 16;
/** Bytes of a body too large, and how long it is thrown away, so that the client reads the answer. */
export const REFUSED_BODY_BYTES_MAX = 1024 * 1024;
export const REFUSED_BODY_WAIT_MS = 1_000;
/** Characters of an Idempotency-Key. */
export const IDEMPOTENCY_KEY_CHARS_MAX = 128;
/** Characters of one journal entry: a whole body as evidence, and well under a NATS message. */
export const ENTRY_CHARS_MAX = 512 * 1024;
/** Rows of one page of a list. */
export const PAGE_ROWS_MAX = 1_000;
/** Rows of a page when none are asked for. */
export const PAGE_ROWS_DEFAULT = 100;
/** How long a stop waits for requests under way (M-100). */
export const HTTP_STOP_TIMEOUT_MS = 5_000;
/** How long a nats-server may take to tell its version. */
export const NATS_VERSION_TIMEOUT_MS = 5_000;
/** How long nats-server may take to be ready. */
export const NATS_READY_TIMEOUT_MS = 30_000;
/** How long nats-server may take to stop before it is killed. */
export const NATS_STOP_TIMEOUT_MS = 5_000;
/** How long a start waits for the lock and port of a nats-server whose parent was just killed. */
export const NATS_TAKEOVER_WAIT_MS = 3_000;
/** Restarts of nats-server: first and longest wait. */
export const NATS_RESTART_BACKOFF_MS_MIN = 250;
export const NATS_RESTART_BACKOFF_MS_MAX = 30_000;
/** Starts that fail this soon, this often in a row, are a fault of configuration or port. */
export const NATS_QUICK_EXIT_MS = 1_000;
export const NATS_QUICK_EXITS_MAX = 3;
/** Lines of nats-server's log that wait for a busy node: clients cause some, and memory is finite. */
export const NATS_LINES_WAITING_MAX = 1_000;
/** How long a command waits for a folder that another command is using. */
export const LOCK_WAIT_MS = 5_000;
/** How often such a command tries again, on average. */
export const LOCK_RETRY_MS = 20;
/** How long a command waits for a node's answer. */
export const COMMAND_TIMEOUT_MS = 30_000;
/** How long SQLite waits for another process (only a backup tool should ever be one). */
export const SQLITE_BUSY_TIMEOUT_MS = 5_000;
/** Different subjects that soft judges between two reconciliations. */
export const SOFT_SUBJECTS_MAX = 10_000;
/** Bytes of a certificate, key or password file that the settings name: a long chain fits. */
export const CONFIG_FILE_BYTES_MAX = 1024 * 1024;
