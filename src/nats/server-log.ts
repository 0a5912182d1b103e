export interface NatsLogLine {
  readonly level: "info" | "warn" | "error" | "fatal" | "other";
  readonly text: string;
  /** Port of the client listener, when this line tells it. */
  readonly listensOn: number | null;
  readonly ready: boolean;
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
const LISTENS = /^Listening for client connections on \S*:(\d+)$/;
const VIOLATION = /^(\S+):\d+ - cid:\d+ - .*?(Publish|Subscription) Violation - Subject "([^"]*)"/;
const VIOLATOR = /- "[^"]*:(U[A-Z2-7]{55})" -/;
const EXPECTED =
  /authentication error|Authorization Violation|TLS handshake error|Auth callout service returned an error: refused|Readloop processing time/i;

/**
 * Reads one line of nats-server's log.
 * Source: nats-server `logger/log.go` (levels), `server/server.go` (the two lines that tell
 * readiness), `server/client.go` (violations).
 */
export function readNatsLine(line: string): NatsLogLine {
  const [, mark = "", rest] = LINE.exec(line) ?? [];
  const text = rest ?? line;
  const level = isLevel(mark) ? LEVELS[mark] : rest === undefined ? plainLevel(line) : "other";
  const port = LISTENS.exec(text)?.[1];
  return {
    level,
    text,
    listensOn: port === undefined ? null : Number(port),
    ready: text === "Server is ready",
    expected: EXPECTED.test(text),
    violation: level === "error" ? readViolation(text) : null,
  };
}

function readViolation(text: string): Violation | null {
  const [all, address = "", what, subject = ""] = VIOLATION.exec(text) ?? [];
  if (all === undefined) return null;
  const user = VIOLATOR.exec(text)?.[1] ?? "";
  return { kind: what === "Publish" ? "publish" : "subscribe", address, user, subject };
}

function isLevel(mark: string): mark is keyof typeof LEVELS {
  return mark in LEVELS;
}

/** Errors of the command line and of the configuration come before the log exists. */
function plainLevel(line: string): "fatal" | "other" {
  return line.startsWith("nats-server:") || line.startsWith("flock:") ? "fatal" : "other";
}
