import { isLocalhost, isLoopbackBind } from "./bind.ts";
import type { AuthMode } from "./login.ts";
import { type Refusal, refusal } from "./problems.ts";
import { quote } from "./quote.ts";

/** What is asked of a start, and what is known of the place before anything is opened. */
export interface BootFacts {
  readonly bind: string;
  /** The addresses of the bind when it is `localhost`. */
  readonly resolved: readonly string[];
  readonly busAuth: AuthMode;
  /** Whether the mode was written, rather than taken as the default. */
  readonly busAuthGiven: boolean;
  /** The mode that the folder ran last; null when it never ran. */
  readonly lastMode: AuthMode | null;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly insecureNoTls: boolean;
  readonly natsUrl: string;
  readonly natsCreds: string;
  readonly externalNatsTrusted: boolean;
  readonly clusterName: string;
  readonly httpPort: number;
  readonly natsPort: number;
  readonly clusterPort: number;
  /** Whether the environment tells the runtime to accept any certificate. */
  readonly verificationOff: boolean;
}

/**
 * Says why a node may not start as asked, or null when it may. The order is from what exposes most
 * to what is merely a slip, so that the one line that is printed names the worst.
 * Source: audit H2 of the first unibus (a public bind that looked secure and was open).
 */
export function refuseBoot(facts: BootFacts): Refusal | null {
  return (
    refuseMode(facts) ??
    refuseTls(facts) ??
    refuseExternalNats(facts) ??
    refuseSurroundings(facts) ??
    refuseEqualPorts(facts)
  );
}

/** Names the bind and says why it is public, for a message. */
export function publicBindPhrase(facts: Pick<BootFacts, "bind" | "resolved">): string {
  if (!isLocalhost(facts.bind)) return `--bind ${quote(facts.bind)} is public`;
  const where = facts.resolved.length > 0 ? facts.resolved.join(" and ") : "nothing";
  return `--bind ${quote(facts.bind)} counts as public, since it resolves to ${where}`;
}

/** Reads what the folder's mode file says; a text that is no mode counts as the strictest one. */
export function parseLastMode(text: string | null): AuthMode | null {
  if (text === null) return null;
  const mode = text.trim();
  return mode === "off" || mode === "soft" ? mode : "enforce";
}

function refuseMode(facts: BootFacts): Refusal | null {
  const { busAuth } = facts;
  if (busAuth !== "enforce" && !isLoopbackBind(facts.bind, facts.resolved)) {
    return refuse(
      `${publicBindPhrase(facts)} and --bus-auth is ${busAuth}; a public bind needs --bus-auth enforce`,
    );
  }
  const tlsFlag = facts.tlsCert !== "" ? "--tls-cert" : facts.tlsKey !== "" ? "--tls-key" : null;
  if (busAuth !== "enforce" && tlsFlag) {
    return refuse(
      `${tlsFlag} is set and --bus-auth is ${busAuth}; TLS that admits everybody only looks secure, so it needs --bus-auth enforce`,
    );
  }
  if (busAuth === "off" && !facts.busAuthGiven && facts.lastMode === "enforce") {
    return refuse(
      "this folder last ran with --bus-auth enforce and no mode is given; write --bus-auth off to open it to everybody on this machine, or use: unibus up",
    );
  }
  return null;
}

function refuseTls(facts: BootFacts): Refusal | null {
  const hasCert = facts.tlsCert !== "";
  const hasKey = facts.tlsKey !== "";
  if (hasCert !== hasKey) {
    const only = hasCert ? "--tls-cert" : "--tls-key";
    return refuse(`--tls-cert and --tls-key must be set together, and only ${only} is`);
  }
  if (!hasCert && !facts.insecureNoTls && !isLoopbackBind(facts.bind, facts.resolved)) {
    return refuse(
      `${publicBindPhrase(facts)} and has no TLS; set --tls-cert and --tls-key (unibus cert dev makes a pair), or --insecure-no-tls when a tunnel of your own encrypts`,
    );
  }
  return null;
}

function refuseExternalNats(facts: BootFacts): Refusal | null {
  if (facts.natsUrl === "") {
    return facts.natsCreds === "" ? null : refuse("--nats-creds has no effect without --nats-url");
  }
  if (facts.busAuth === "enforce" && !facts.externalNatsTrusted) {
    return refuse(
      "--bus-auth enforce does not reach the server of --nats-url, which admits whom it likes; say that its own authentication suffices with --external-nats-trusted",
    );
  }
  return null;
}

function refuseSurroundings(facts: BootFacts): Refusal | null {
  if (!facts.verificationOff) return null;
  return refuse(
    "NODE_TLS_REJECT_UNAUTHORIZED is set so that any certificate would be accepted; unset it",
  );
}

function refuseEqualPorts(facts: BootFacts): Refusal | null {
  const ports: (readonly [flag: string, port: number])[] = [["--http-port", facts.httpPort]];
  if (facts.natsUrl === "") ports.push(["--nats-port", facts.natsPort]);
  if (facts.clusterName !== "") ports.push(["--cluster-port", facts.clusterPort]);
  const flagOf = new Map<number, string>();
  for (const [flag, port] of ports) {
    const other = flagOf.get(port);
    // Port 0 is "any free port", so two of them never meet.
    if (other && port !== 0) {
      return refuse(`${other} and ${flag} are both ${port}, and each needs a port of its own`);
    }
    flagOf.set(port, flag);
  }
  return null;
}

function refuse(why: string): Refusal {
  return refusal("boot-refused", `Cannot start: ${why}`);
}
