export interface NatsLogLine {
  readonly level: "info" | "warn" | "error" | "fatal" | "other";
  readonly text: string;
  /** Port of the client listener, when this line tells it. */
  readonly listensOn: number | null;
  readonly ready: boolean;
  /** The route listener is open, which comes last in a cluster. */
  readonly routesReady: boolean;
  /** All streams are closed, which a stop does first: what it still waits for is nothing to keep. */
  readonly streamsClosed: boolean;
  /** It could not write, and keeps no streams any more until it is started anew. */
  readonly streamsGivenUp: boolean;
  /** How a reload of its configuration ended, when this line tells it. */
  readonly reload: "done" | "failed" | null;
  /** What became of a route, in words about `with`; null when the line is about none. */
  readonly route: RouteEvent | null;
  /** True for what a client caused: no reason for the server's end. */
  readonly ofClient: boolean;
  /** True for an error of a client's own, which it can make as often as it likes: none of this node. */
  readonly clientFault: boolean;
  /** True for what clients cause and unibus tells itself, with the reason. */
  readonly expected: boolean;
  /** A publish or subscription that nats-server refused to a client. */
  readonly violation: Violation | null;
}

/** A route that came to nothing, or ended. */
export interface RouteEvent {
  /** Host and port of the other end; "" when it was not reached. */
  readonly address: string;
  readonly why: string;
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
/** It names the kind of store where a stream found out. Source: `handleOutOfSpace`. */
const STREAMS_GIVEN_UP = /^JetStream out of (?:\w+ )?resources, will be DISABLED$/;
const LISTENS = /^Listening for client connections on \S*:(\d+)$/;
// Text of clients stands in quotes, with quotes and control characters inside escaped. Whoever reads
// a line must step over it whole: a client may call itself `x" - "APP/user:U…`.
const QUOTED = String.raw`"(?:[^"\\]|\\.)*"`;
/** Address and number, what the client says about itself, account and user (once it is in), the rest. */
const CLIENT_LINE = new RegExp(String.raw`^((\S+):\d+ - cid:\d+ - )((?:${QUOTED} - )*)(.*)$`);
/** A route that another server opened, or this one. What is said about it is not why a server ends. */
const ROUTE_LINE = /^(\S+:\d+) - rid:\d+ - (.*)$/;
/** The account in which a node answers logins is that node's alone; the others do not know it. */
const OF_ONE_NODE = /^(?:Unknown account|Unable to lookup account) /;
const UNREACHED = /^Error trying to connect to route \(attempt \d+\): (.*)$/;
/** What a server asks of itself, until its cluster is there. */
const HEALTH_LINE = /^Healthcheck failed: /;
const USER = /"[^"\\/]*\/user:(U[A-Z2-7]{55})" - $/;
const VIOLATION = new RegExp(`^(Publish|Subscription) Violation - (?:Subject|Reply) (${QUOTED})`);
/** Errors about a client that are the server's, or of the rights that unibus signed. Source: `client.go`, `auth.go`. */
const SERVER_FAULT =
  /^(?:Problem registering with account|(?:invalid (?:publish|subscribe)(?: allow| deny)? subject|queue qualifier is not valid for .*) "|Bad src Ip|Outside connect times|Error (?:compressing data|during compression))/;
const EXPECTED =
  /^(?:authentication error|Authorization Violation|TLS handshake error|Auth callout violation: "no reason supplied"|Readloop processing time)/i;

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
  const routed = ROUTE_LINE.exec(text)?.[2] ?? "";
  const port = LISTENS.exec(text)?.[1];
  const [ofClient, origin = "", address = "", self = "", said = text] =
    CLIENT_LINE.exec(text) ?? [];
  return {
    level,
    text: ofClient === undefined ? text : `${origin}${self}${withoutQuotes(said)}`,
    listensOn: port === undefined ? null : Number(port),
    ready: text === "Server is ready",
    routesReady: text.startsWith("Listening for route connections on "),
    streamsClosed: text === "JetStream Shutdown",
    streamsGivenUp: STREAMS_GIVEN_UP.test(text),
    reload: RELOADED.test(text) ? "done" : RELOAD_FAILED.test(text) ? "failed" : null,
    route: readRoute(text),
    ofClient: ofClient !== undefined,
    clientFault: level === "error" && ofClient !== undefined && !SERVER_FAULT.test(said),
    expected: EXPECTED.test(said) || HEALTH_LINE.test(text) || OF_ONE_NODE.test(routed),
    violation:
      level === "error" && ofClient !== undefined ? readViolation({ address, self, said }) : null,
  };
}

function readRoute(text: string): RouteEvent | null {
  const unreached = UNREACHED.exec(text)?.[1];
  if (unreached !== undefined) return { address: "", why: unreached };
  const [, address, why] = ROUTE_LINE.exec(text) ?? [];
  // A server that is not of this cluster says its own name, user and cluster.
  if (address === undefined || why === undefined || OF_ONE_NODE.test(why)) return null;
  return { address, why: withoutQuotes(why) };
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
