export interface NatsLogLine {
  readonly level: "info" | "warn" | "error" | "fatal" | "other";
  readonly text: string;
  /** Port of the client listener, when this line tells it. */
  readonly listensOn: number | null;
  readonly ready: boolean;
  /** All streams are closed, which a stop does first: what it still waits for is nothing to keep. */
  readonly streamsClosed: boolean;
  /** How a reload of its configuration ended, when this line tells it. */
  readonly reload: "done" | "failed" | null;
  /** True for what a client caused: no reason for the server's end. */
  readonly ofClient: boolean;
  /** True for what clients cause and unibus tells itself, with the reason. */
  readonly expected: boolean;
  /** A publish or subscription that nats-server refused to a client. */
  readonly violation: Violation | null;
}

export interface Violation {
  readonly kind: "publish" | "subscribe";
  readonly address: string;
  readonly user: string;
  readonly subject: string;
}

const LINE = /^\[\d+\] (?:\S+ \S+ )?\[(INF|WRN|ERR|FTL|DBG|TRC)\] (.*)$/;
const LEVELS = { INF: "info", WRN: "warn", ERR: "error", FTL: "fatal" } as const;
const RELOADED = /^Reloaded server configuration\b/;
const RELOAD_FAILED = /^Failed to reload server configuration: /;
const LISTENS = /^Listening for client connections on \S*:(\d+)$/;
// Text of clients stands in quotes, with quotes and control characters inside escaped. Whoever reads
// a line must step over it whole: a client may call itself `x" - "APP/user:U…`.
const QUOTED = String.raw`"(?:[^"\\]|\\.)*"`;
/** Address and number, what the client says about itself, account and user (once it is in), the rest. */
const CLIENT_LINE = new RegExp(String.raw`^((\S+):\d+ - cid:\d+ - )((?:${QUOTED} - )*)(.*)$`);
const USER = /"[^"\\/]*\/user:(U[A-Z2-7]{55})" - $/;
const VIOLATION = new RegExp(`^(Publish|Subscription) Violation - (?:Subject|Reply) (${QUOTED})`);
const EXPECTED =
  /^(?:authentication error|Authorization Violation|TLS handshake error|Auth callout service returned an error: refused|Readloop processing time)/i;

/**
 * Reads one line of nats-server's log. What a client sent is cut out of errors about its protocol: it
 * may be part of a password.
 * Source: nats-server `logger/log.go` (levels), `server/server.go` (the two lines that tell
 * readiness), `server/client.go` (a client's lines, violations), `server/reload.go`, `signal_unix.go`.
 */
export function readNatsLine(line: string): NatsLogLine {
  const [, mark = "", rest] = LINE.exec(line) ?? [];
  const text = rest ?? line;
  const level = isLevel(mark) ? LEVELS[mark] : rest === undefined ? plainLevel(line) : "other";
  const port = LISTENS.exec(text)?.[1];
  const [ofClient, origin = "", address = "", self = "", said = text] =
    CLIENT_LINE.exec(text) ?? [];
  return {
    level,
    text: ofClient === undefined ? text : `${origin}${self}${withoutQuotes(said)}`,
    listensOn: port === undefined ? null : Number(port),
    ready: text === "Server is ready",
    streamsClosed: text === "JetStream Shutdown",
    reload: RELOADED.test(text) ? "done" : RELOAD_FAILED.test(text) ? "failed" : null,
    ofClient: ofClient !== undefined,
    expected: EXPECTED.test(said),
    violation:
      level === "error" && ofClient !== undefined ? readViolation({ address, self, said }) : null,
  };
}

function readViolation(line: {
  readonly address: string;
  readonly self: string;
  readonly said: string;
}): Violation | null {
  const [, what, quoted = ""] = VIOLATION.exec(line.said) ?? [];
  if (what === undefined) return null;
  return {
    kind: what === "Publish" ? "publish" : "subscribe",
    address: line.address,
    user: USER.exec(line.self)?.[1] ?? "",
    // Other escapes stay: they stand for characters that a terminal would obey.
    subject: quoted.slice(1, -1).replace(/\\(["\\])/g, "$1"),
  };
}

function withoutQuotes(said: string): string {
  return said.replace(/".*"/, '"…"');
}

function isLevel(mark: string): mark is keyof typeof LEVELS {
  return mark in LEVELS;
}

/** Errors of the command line and of the configuration come before the log exists. */
function plainLevel(line: string): "fatal" | "other" {
  return /^(?:nats-server|flock|guard):/.test(line) ? "fatal" : "other";
}
