import { hostPort, isEverywhere } from "../core/bind.ts";

/**
 * Lists every Host under which a node may be called: its listen address, `localhost` where it listens
 * there, the names of its certificate, and the addresses told by --public-url. A page that made its
 * own name point at this machine is none of them.
 * The default port of the scheme stands without its number too, as browsers leave it out.
 */
export function ownHosts(node: {
  /** As it listens: an address, or `0.0.0.0` or `::` for all interfaces. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** This machine's addresses; they count where the node listens on all interfaces. */
  readonly interfaces: readonly string[];
  /** DNS names and addresses of the certificate. */
  readonly certificateNames: readonly string[];
  readonly publicUrls: readonly string[];
}): readonly string[] {
  const everywhere = isEverywhere(node.host);
  const loopback = everywhere || node.host === "localhost" || isLoopback(node.host);
  const names = [
    ...(everywhere ? node.interfaces : [node.host]),
    ...(loopback ? ["localhost", "127.0.0.1", "::1"] : []),
    ...node.certificateNames.filter((name) => !name.includes("*")),
  ];
  const hosts = names.map((name) => hostPort(name.toLowerCase(), node.port));
  const defaultPort = `:${node.tls ? 443 : 80}`;
  return [
    ...new Set([
      ...hosts,
      ...hosts
        .filter((host) => host.endsWith(defaultPort))
        .map((host) => host.slice(0, -defaultPort.length)),
      ...node.publicUrls.map((url) => new URL(url).host),
    ]),
  ];
}

function isLoopback(host: string): boolean {
  return host === "::1" || host.startsWith("127.");
}
