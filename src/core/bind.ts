const OCTET = "(?:0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])";
const IPV4_LOOPBACK = new RegExp(`^127\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
const ANY_INTERFACE = new Set(["", "*", "0"]);

/** Says whether an IP address reaches this machine only: 127.0.0.0/8 and `::1`, nothing else. */
export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || IPV4_LOOPBACK.test(address);
}

/**
 * Says whether a bind is reachable from this machine only. Every form that is not surely so is
 * public: other names, other spellings, IPv4 inside IPv6.
 * `resolved` holds the addresses of `localhost`; without them `localhost` is public too.
 */
export function isLoopbackBind(bind: string, resolved: readonly string[] = []): boolean {
  if (isLocalhost(bind)) return resolved.length > 0 && resolved.every(isLoopbackAddress);
  return isLoopbackAddress(withoutBrackets(bind));
}

/** Says whether a bind is the one name that may be loopback, so that its addresses must be known. */
export function isLocalhost(bind: string): boolean {
  return bind.toLowerCase() === "localhost";
}

/** The host to listen on: no brackets, and every form of "all interfaces" as `0.0.0.0`. */
export function listenHost(bind: string): string {
  return ANY_INTERFACE.has(bind) ? "0.0.0.0" : withoutBrackets(bind);
}

/** Says whether a host to listen on, as `listenHost` has it, means all interfaces. */
export function isEverywhere(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Joins host and port as they stand in a URL: an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  const bare = withoutBrackets(host);
  return bare.includes(":") ? `[${bare}]:${port}` : `${bare}:${port}`;
}

function withoutBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
