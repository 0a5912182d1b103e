import { networkInterfaces } from "node:os";
import { hostPort, isEverywhere } from "../core/bind.ts";

/**
 * URLs under which NATS clients reach a node. One that listens on all interfaces has no address of
 * its own to tell: with TLS these are the names of its certificate, for a client accepts no other;
 * without it, the machine's addresses.
 */
export function clientUrls(node: {
  /** As it listens: an address, or `0.0.0.0` or `::` for all interfaces. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly certificateNames: readonly string[];
  readonly interfaces: readonly string[];
}): readonly string[] {
  const everywhere = isEverywhere(node.host);
  const names = node.tls
    ? node.certificateNames.filter((name) => !name.includes("*"))
    : node.interfaces;
  const hosts = everywhere && names.length > 0 ? names : [node.host];
  return hosts.map((host) => `${node.tls ? "tls" : "nats"}://${hostPort(host, node.port)}`);
}

/** This machine's addresses. */
export function interfaceAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ address }) => address),
  );
}
