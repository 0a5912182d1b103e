/** Every bound in one place, with its unit and reason. */

/** Characters of a user's or room's name: fits a line of a list. */
export const NAME_CHARS_MAX = 64;
/** Rooms one user may be in: one JWT carries the rights of all (1,000 rooms are 120 KiB of it). */
export const ROOMS_PER_USER_MAX = 500;
/** Memberships of one user that wait for acceptance: strangers may not fill a user's list. */
export const PENDING_PER_USER_MAX = 50;
/**
 * How long an actor that took rights from a user may give it none back: each taking closes the user's
 * connections, and what is said meanwhile in other rooms is missed.
 */
export const RIGHTS_TAKEN_PAUSE_MS = 60_000;
/** Takings forgotten by one operation: more than most make, and not so many that others wait. */
export const RIGHTS_TAKEN_PRUNED_MAX = 100;
/** Keys that a user may replace its own by within a day: whoever steals one could go on for ever. */
export const KEYS_REPLACED_MAX = 5;
export const KEYS_REPLACED_MS = 24 * 60 * 60 * 1000;
/** Members of one plain room. */
export const MEMBERS_PER_ROOM_MAX = 10_000;
/** Tokens of one user that have not expired. */
export const TOKENS_PER_USER_MAX = 50;
/** Life of a token, and of one that may act as admin: what is stolen is soon worth nothing. */
export const TOKEN_LIFE_MS_MAX = 24 * 60 * 60 * 1000;
export const ADMIN_TOKEN_LIFE_MS_MAX = 60 * 60 * 1000;
/** Invites of the bus that wait to be used. */
export const INVITES_OPEN_MAX = 1_000;
/** Life of an invite, at most and when none is asked for: it travels by ways that keep copies. */
export const INVITE_LIFE_MS_MAX = 30 * 24 * 60 * 60 * 1000;
export const INVITE_LIFE_MS_DEFAULT = 7 * 24 * 60 * 60 * 1000;
/** The shortest life of an invite: it has to be handed over first. */
export const INVITE_LIFE_MS_MIN = 60_000;
/** How long a used or expired invite is remembered, so that whoever tries it learns which it is. */
export const INVITE_KEPT_MS = 30 * 24 * 60 * 60 * 1000;
/** Invites forgotten by one operation: more than one makes, and not so many that others wait. */
export const INVITES_PRUNED_MAX = 100;
/** Life of a node's token: somebody waits at it. */
export const NODE_TOKEN_LIFE_MS = 15 * 60 * 1000;
export const NODE_TOKEN_LIFE_MS_MAX = 24 * 60 * 60 * 1000;
/** Tokens for nodes that wait to be used, and characters of one. */
export const NODE_TOKENS_OPEN_MAX = 16;
export const NODE_TOKEN_CHARS_MAX = 4_096;
/** How long a used or expired token is remembered, so that whoever tries it learns which it is. */
export const NODE_TOKEN_KEPT_MS = 30 * 24 * 60 * 60 * 1000;
/** Nodes that joined; a cluster has three, five or seven, and those that were replaced. */
export const NODES_MAX = 1_000;
/** Characters of what travels between a new node and who lets it in: a request, some certificates. */
export const NODE_SEALED_CHARS_MAX = 12_000;
/** Requests that wait for one token: whoever overheard its id can send some that nobody can read. */
export const NODE_REQUESTS_MAX = 8;
/** How often a new node asks for its answer, and how long who lets it in waits for its request. */
export const NODE_JOIN_LOOK_MS = 500;
export const NODE_JOIN_WAIT_MS = 2_000;
/** How long a new node waits for a command that shows no life. */
export const NODE_JOIN_SILENCE_MS = 10_000;
/** DNS names and addresses that one node is reached by. */
export const NODE_HOSTS_MAX = 16;
/** URLs of one kind that a node tells of itself, and characters of one: a host name has 253. */
export const NODE_URLS_MAX = 16;
export const NODE_URL_CHARS_MAX = 300;
/** Characters of the version that a node tells. */
export const NODE_VERSION_CHARS_MAX = 64;
/** How often a node looks whether there is something new to tell, and the least time between two times. */
export const NODE_ANNOUNCE_LOOK_MS = 1_000;
export const NODE_ANNOUNCE_MS_MIN = 10_000;
/** How long a command looks whether a node is connected: one that just died is seen for a moment. */
export const NODE_SEEN_MS = 2_000;
/** How long a removed node that is connected has to learn of it before it loses its part in JetStream. */
export const NODE_REMOVED_GRACE_MS = 5_000;
/** Fewest nodes that are a cluster. */
export const CLUSTER_NODES_MIN = 2;
/** Rooms that one invite leads into. */
export const INVITE_ROOMS_MAX = 20;
/** Characters of a signed record of a room's log. */
export const RECORD_CHARS_MAX = 4_096;
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
/**
 * How long a write to a NATS client may take: as long does a client that reads nothing speak on after its
 * revocation, as nats-server ends a connection between two writes.
 */
export const NATS_WRITE_DEADLINE_MS = 1_000;
/** The same on a route, where nobody is revoked and a peer may pause. */
export const ROUTE_WRITE_DEADLINE_MS = 10_000;
/** Life of a user JWT: a backstop behind the kick, as each end is a reconnect. */
export const USER_JWT_LIFE_MS = 24 * 3_600_000;
/** Part of a JWT's life by which its end is spread, so that logins do not come all at once. */
export const USER_JWT_JITTER = 0.2;
/** Kicks under way at once: enough for 1,000 in well under a second, few enough to spare logins. */
export const KICKS_IN_FLIGHT_MAX = 32;
/** Users whose latest change of rights is remembered, to judge connections that are not in the registry. */
export const RIGHTS_CHANGES_KEPT_MAX = 10_000;
/** The longest that an answer to a repeated refusal is held back. */
export const REFUSAL_DELAY_MS_MAX = 1_000;
/** Refusals held back at once; the next ones are answered at once. */
export const REFUSALS_DELAYED_MAX = 1_000;
/**
 * Logins of one address that prove no key and are told of and held back, in a second and at once; the
 * next ones are only counted, and refused at once. As many as the log says and the list keeps.
 */
export const STRANGER_LOGINS_PER_SECOND = 20;
export const STRANGER_LOGINS_BURST = 200;
/** Addresses and keys whose refusals are remembered. */
export const REFUSED_SOURCES_MAX = 10_000;
/** Last refusals that an admin can look at. */
export const REFUSALS_KEPT_MAX = 200;
/** How often the registry of connections is compared with nats-server's own list. */
export const REGISTRY_RECONCILE_MS = 60_000;
/** Life of a signed request: how long a stolen one could be replayed where it is not known. */
export const SIGNATURE_LIFE_MS_MAX = 60_000;
/** How far ahead of ours a caller's clock may be. */
export const SIGNATURE_SKEW_MS_MAX = 30_000;
/**
 * How far a client follows a node that tells it another time: more than a wrong time zone makes. What is
 * signed for a later day could be sent to the node on that day, by whoever answered in its place.
 */
export const CLOCK_CORRECTION_MS_MAX = 24 * 60 * 60 * 1000;
/** How long a nonce is remembered: longer than a signature that is dated ahead can be accepted. */
export const NONCE_KEPT_MS = SIGNATURE_LIFE_MS_MAX + SIGNATURE_SKEW_MS_MAX + 1_000;
/** Spans of time in which signatures were made whose nonces are forgotten: more only where clocks are set. */
export const NONCE_GAPS_MAX = 16;
/** Nonces of signed requests remembered at once: 5,400 requests a second; more are refused. */
export const NONCES_MAX = 500_000;
/** Certificates of API keys remembered, so that each is verified once. */
export const CERTIFICATES_KEPT_MAX = 10_000;
/** Requests that one address may send in a second before it is known who asks, and at once. */
export const REQUESTS_PER_ADDRESS_PER_SECOND = 200;
export const REQUESTS_PER_ADDRESS_BURST = 1_000;
/** Requests that one user may send in a second, and at once. */
export const REQUESTS_PER_USER_PER_SECOND = 100;
export const REQUESTS_PER_USER_BURST = 1_000;
/** The most that these two can be set to: more than a node answers, so it is as good as none. */
export const REQUESTS_PER_SECOND_MAX = 1_000_000;
/** Addresses and CIDRs of trusted proxies: each request may be compared with all of them. */
export const TRUSTED_PROXIES_MAX = 100;
/** One of so many of a user's requests, and of those at once, may be a change: the journal keeps it. */
export const REQUESTS_PER_CHANGE = 10;
export const BURST_PER_CHANGE = 2;
/** Addresses and users whose rates are remembered at once. */
export const RATES_KEPT_MAX = 100_000;
/** Bytes of a request's body on routes that take JSON: a change is kept for good, refused or not. */
export const JSON_BODY_BYTES_MAX = 16 * 1024;
/** Bytes of any request's body: what Bun cuts off if a route should ever forget its own ceiling. */
export const HTTP_BODY_BYTES_MAX = 1024 * 1024 * 1024;
/** How long a connection may be silent; Bun gives a slow body the same time. */
export const HTTP_IDLE_TIMEOUT_MS = 10_000;
/** How long a client that waits may be silent: a change waits for the journal of a cluster. */
export const HTTP_ANSWER_TIMEOUT_MS = 20_000;
/** How deep JSON of a request may be nested: ours never is, and a parser's stack is finite. */
export const JSON_DEPTH_MAX = 16;
/** Bytes of a body too large, and how long it is thrown away, so that the client reads the answer. */
export const REFUSED_BODY_BYTES_MAX = 1024 * 1024;
export const REFUSED_BODY_WAIT_MS = 1_000;
/** Characters of a request's query: a name of the greatest length, escaped, is half of it. */
export const QUERY_CHARS_MAX = 4_096;
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
/** How long the thread that decides logins may owe an answer until the node calls itself hung. */
export const WORKER_SILENCE_MS_MAX = 5_000;
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
/** How long nats-server may take to load a new certificate. */
export const NATS_RELOAD_TIMEOUT_MS = 5_000;
/** Lines of nats-server's log that wait for a busy node: clients cause some, and memory is finite. */
export const NATS_LINES_WAITING_MAX = 1_000;
/** How long a command waits for a folder that another command is using. */
export const LOCK_WAIT_MS = 5_000;
/** How often such a command tries again, on average. */
export const LOCK_RETRY_MS = 20;
/** How long a command waits for a node's answer. */
export const COMMAND_TIMEOUT_MS = 30_000;
/** Bytes of an answer that a client of ours reads: a page of a list has a tenth of it. */
export const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
/** How long SQLite waits for another process (only a backup tool should ever be one). */
export const SQLITE_BUSY_TIMEOUT_MS = 5_000;
/** Different subjects that soft judges between two reconciliations. */
export const SOFT_SUBJECTS_MAX = 10_000;
/** How long a node goes on by what it knows when it hears nothing of the cluster's journal. */
export const STALE_SECONDS = 60;
/** More than a leader may not have heard of its peers, and an answer of it to be lost. */
export const STALE_SECONDS_MIN = 5;
export const STALE_SECONDS_MAX = 3_600;
/** Connections of a route, over which accounts are spread. */
export const CLUSTER_POOL_SIZE = 3;
/** How long a route may take for its TLS, and then for its secret. */
export const ROUTE_LOGIN_TIMEOUT_MS = 5_000;
/** How often a node asks its nats-server about its routes and its leader: while not ready, and then. */
export const CLUSTER_WAIT_MS = 250;
export const CLUSTER_CHECK_MS = 1_000;
/** How often each unibus tells the others that it lives, and how soon after the effects of an entry. */
export const PEER_BEAT_MS = 1_000;
/** More than a kick waits for the event that tells its reason: mostly it is done by then. */
export const PEER_BEAT_SOON_MS = 150;
/** How long peers have to do the effects of an entry that is applied here: they take some 20 ms. */
export const PEER_EFFECTS_MS = 600;
/** How long a node that lives says that it is at closing somebody: its kicks go on until they are gone. */
export const PEER_UNDONE_MS = 3_000;
/** How long a peer's unibus may be silent until that is shown: on a busy machine a second or two are lost. */
export const PEER_HUNG_MS = 5_000;
/** How long the main thread may be silent until the Worker tells the others of no life: it speaks every 250 ms. */
export const MAIN_SILENCE_MS_MAX = 3_000;
/** Users remembered whose connections a peer has to close; with more, all of that server are closed. */
export const PEER_CLOSES_MAX = 100_000;
/** How often a node compares its clock with its peers', and how far it may be off their median. */
export const CLOCK_CHECK_MS = 10_000;
export const CLOCK_OFFSET_MS_MAX = 5_000;

/** How often the files of --tls-cert and --tls-key are looked at; a change is believed when seen twice. */
export const TLS_CHECK_MS = 1_000;
/** Least time between two renewals: each closes all NATS connections of users for a moment. */
export const TLS_RENEWAL_MS_MIN = 24 * 3_600_000;
/** A renewal waits no longer than until this time before the certificate in use ends. */
export const TLS_RENEWAL_LEAD_MS = 3_600_000;
/** How long after a renewal that nats-server did not answer it is tried again. */
export const TLS_RETRY_MS = 60_000;
/** Part of a certificate's life after which the node asks for another one: what most tools renew at. */
export const TLS_LIFE_WARNED = 2 / 3;
/** How often the log says so again. */
export const TLS_WARNING_MS = 24 * 3_600_000;
/** How long the API may be without its port while its certificate changes: others may take it. */
export const HTTP_REOPEN_TIMEOUT_MS = 2_000;
/** How often such a port is asked for. */
export const HTTP_REOPEN_RETRY_MS = 20;
/** How long a login to an external NATS server may take. */
export const EXTERNAL_NATS_TIMEOUT_MS = 5_000;
/** How long a start waits for an external NATS server that begins at the same time. */
export const EXTERNAL_NATS_START_MS = 5_000;
/** How often an external NATS server that does not answer is asked again. */
export const EXTERNAL_NATS_CHECK_MS = 2_000;
/** How often one that answers is asked what it refuses: each time is a line in its log. */
export const EXTERNAL_NATS_PROBE_MS = 60_000;
/** Bytes that must be free where the database lies: a commit takes a few pages, SQLite's log more. */
export const DISK_FREE_BYTES_MIN = 256 * 1024;
/**
 * Bytes that SQLite's log keeps of the disk. It is copied into the database after 1,000 pages (4 MiB), which
 * a full disk may not allow; what is beyond takes revocations until there is room again: about 41 kB each.
 */
export const LOG_ROOM_BYTES = 8 * 1024 * 1024;
/** Bytes of the file that is given up when the disk is full: for SQLite's database, and for JetStream. */
export const BALLAST_BYTES = 16 * 1024 * 1024;
/** Neither takes more than this part of what is free, so that a small disk is not filled by them. */
export const DISK_KEPT_OF_FREE_MAX = 1 / 2;
/** How often the free space is looked at, to keep room or to give it up: in a cluster before it is needed. */
export const DISK_LOOK_MS = 250;
/** How long a revocation may wait for the journal until the user is refused in memory. */
export const UNRECORDED_WAIT_MS = 1_000;
/** Bytes that are given up at a time: what fills a disk takes all that is there, and then this. */
export const BALLAST_STEP_BYTES = 4 * 1024 * 1024;
/** Bytes that must be free until a nats-server is started anew that found none: a step of the ballast. */
export const JETSTREAM_FREE_BYTES_MIN = 4 * 1024 * 1024;
/** How long a disk that refused an entry counts as full, if nothing else says that it is. */
export const DISK_REFUSED_MS = 10_000;
/** Bytes of a certificate, key or password file that the settings name: a long chain fits. */
export const CONFIG_FILE_BYTES_MAX = 1024 * 1024;
/** Room on the disk that a file for a secret has before the secret is made: one block holds any of them. */
export const SECRET_ROOM_BYTES = 4 * 1024;
/** How long a commit waits for its entry to be applied here: an election takes up to about nine seconds. */
export const JOURNAL_COMMIT_TIMEOUT_MS = 12_000;
/** How long the cluster's journal has to answer one question. */
export const JOURNAL_ANSWER_TIMEOUT_MS = 2_000;
/** Bytes of a change that is kept as it is where it was refused; a key in another's place has 370. */
export const REFUSED_CHANGE_BYTES_MAX = 384;
/** How long a refusal waits for entries that are not applied here yet, before the journal is to decide. */
export const JOURNAL_CURRENT_MS = 2_000;
/** How soon an entry is sent again that nobody took, and a journal looked for that is not there yet. */
export const JOURNAL_RETRY_MS = 200;
/** How often the stream is looked at for entries that nobody told of. */
export const JOURNAL_LOOK_MS = 1_000;
/** Entries fetched at once by a node that is behind, and their bytes. */
export const JOURNAL_FETCH_ENTRIES_MAX = 256;
export const JOURNAL_FETCH_BYTES_MAX = 4 * 1024 * 1024;
/** Bytes of one entry on its way through the stream: what NATS carries, less its headers. */
export const JOURNAL_MESSAGE_BYTES_MAX = 1024 * 1024 - 4 * 1024;
/** How often a node asks how far the journal goes, and compares its chain with its peers'. */
export const JOURNAL_ASK_MS = 5_000;
/** How long ago a leader may have heard of a peer that it counts: they speak every second. */
export const JOURNAL_QUORUM_MS = 3_000;
/** Times in a row that the journal has to end before what is applied here, until that counts as loss. */
export const JOURNAL_SHORTER_MAX = 3;
/** How long the stream of entries has to be missing until it counts as lost: a leader that is new may know nothing yet. */
export const JOURNAL_MISSING_MS = 5_000;
/** How long peers have to answer one question of another node. */
export const JOURNAL_PEERS_WAIT_MS = 1_000;
/** Entries that an empty node replays rather than take a copy of a peer's database. */
export const JOURNAL_REPLAY_ENTRIES_MAX = 1_000;
/** Bytes of one part of a copy: well under what NATS carries. */
export const COPY_PART_BYTES = 512 * 1024;
/** How long a copy is kept for a node that does not fetch on. */
export const COPY_KEPT_MS = 60_000;
/** Logins that wait for a node which has just started; what comes beyond is judged by what it knows. */
export const LOGINS_WAITING_MAX = 10_000;
/** Lines a second of the log for what anybody can cause: requests, refused logins, nats-server's own. */
export const REQUEST_LINES_PER_SECOND_MAX = 100;
export const REFUSAL_LINES_PER_SECOND_MAX = 20;
export const NATS_LINES_PER_SECOND_MAX = 20;
/** Characters of a refused subject that are kept: more than any that enforce would grant. */
export const REFUSED_SUBJECT_CHARS_MAX = 256;
/** Rooms of one name that are shown to choose from: a person reads no more. */
export const NAMESAKES_MAX = 20;
/** Characters of a passphrase: with fewer it could be tried out by whoever has the file. */
export const PASSPHRASE_CHARS_MIN = 12;
export const PASSPHRASE_CHARS_MAX = 1_024;
/** Addresses of the API in a token for a node: it is handed over as one word. */
export const NODE_TOKEN_URLS_MAX = 8;
/** Askings after the journal's end that wait for its entries: by the next one they are answered too. */
export const JOURNAL_GOALS_MAX = 20;
/** How long a peer may take to write the copy that it gives. */
export const COPY_WRITE_TIMEOUT_MS = 60_000;
/** How often a node looks whether the next step of a roll of CA and secret is its own. */
export const ROLL_CHECK_MS = 500;
/** How long after its nats-server was started anew a node calls itself ready for another's step. */
export const ROLL_SETTLE_MS = 2_000;
/** How long a node has waited for others in a roll when its log says for whom. */
export const ROLL_TOLD_MS = 10_000;
/** Bytes of a hand-over of a roll: two certificates, and the names of all nodes twice. */
export const ROLL_FILE_BYTES_MAX = 256 * 1024;
/** Characters of the certificates in it that are one text. */
export const ROLL_PEM_CHARS_MAX = 64 * 1024;
