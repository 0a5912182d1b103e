import { isLoopbackAddress, isLoopbackBind } from "./bind.ts";
import { type BootFacts, publicBindPhrase } from "./boot-policy.ts";
import type { AuthMode } from "./login.ts";
import { type Refusal, refusal } from "./problems.ts";
import { quote } from "./quote.ts";

/** What is asked of a clustered start. */
export interface ClusterFacts {
  readonly bind: string;
  readonly resolved: BootFacts["resolved"];
  readonly busAuth: AuthMode;
  readonly natsUrl: string;
  readonly clusterName: string;
  readonly serverName: string;
  readonly clusterPort: number;
  readonly routes: readonly string[];
  readonly clusterUser: string;
  /** Whether there is a password, be it in the settings or in a file; the password is no fact. */
  readonly clusterPassSet: boolean;
  readonly routeTlsCert: string;
  readonly routeTlsKey: string;
  readonly routeTlsCa: string;
  /** Names of the settings that were given, without dashes. */
  readonly given: ReadonlySet<string>;
}

/** Settings that only a cluster has. `server-name` is none: a single node may be named too. */
const CLUSTER_ONLY = [
  "cluster-port",
  "routes",
  "cluster-user",
  "cluster-pass",
  "cluster-pass-file",
  "route-tls-cert",
  "route-tls-key",
  "route-tls-ca",
  "stale-max",
] as const;

const NODE_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Says whether a text can name a cluster or a server: it becomes part of NATS subjects. */
export function isNodeName(text: string): boolean {
  return NODE_NAME.test(text);
}

/** Splits comma-separated route URLs; blanks, spaces around them and spare commas are nothing. */
export function splitRoutes(csv: string): readonly string[] {
  return csv
    .split(",")
    .map((route) => route.trim())
    .filter((route) => route !== "");
}

/** Says why a node may not join the cluster as asked, or null when it may or is on its own. */
export function refuseCluster(facts: ClusterFacts): Refusal | null {
  if (facts.clusterName === "") {
    const idle = CLUSTER_ONLY.find((name) => facts.given.has(name));
    return idle ? refuse(`--${idle} has no effect without --cluster-name`) : null;
  }
  return (
    refuseIdentity(facts) ??
    refusePartialSecret(facts) ??
    refusePartialRouteTls(facts) ??
    refuseRoutes(facts.routes) ??
    refusePublicCluster(facts) ??
    refuseUnreachable(facts)
  );
}

/**
 * Routes of other nodes. One that leads to this node's own listener, or to a host that is named as this
 * node is, is none: so all nodes may be given the same list.
 */
export function routesToPeers(
  facts: Pick<ClusterFacts, "routes" | "bind" | "clusterPort" | "serverName">,
): readonly string[] {
  const { bind, clusterPort, serverName } = facts;
  return facts.routes.filter((route) => {
    const { host, port } = parseRoute(route) ?? { host: "", port: 0 };
    const [label] = host.split(".", 1);
    return (
      port !== clusterPort || (host !== bind && label?.toLowerCase() !== serverName.toLowerCase())
    );
  });
}

/**
 * Puts the secret into a route that names none: nats-server dials with what stands in the route.
 * Source: nats-server `server/route.go` (`connectToRoute`, `processRouteInfo`).
 */
export function routeWithSecret(
  route: string,
  secret: { readonly user: string; readonly password: string } | null,
): string {
  const url = new URL(route);
  if (!secret || url.username !== "" || url.password !== "") return route;
  const login = `${encodeURIComponent(secret.user)}:${encodeURIComponent(secret.password)}`;
  return `${url.protocol}//${login}@${url.host}`;
}

/** Says in words why a password cannot gate routes, or null. Nothing of it is in the words. */
export function routePasswordFault(password: string): string | null {
  // nats-server would take it as the hash of another one, and could not dial with it.
  if (/^\$2[abxy]\$/.test(password))
    return "looks like a bcrypt hash, and must be the secret itself";
  return null;
}

/** What an operator should know of a cluster of this size, in words; null when there is nothing. */
export function clusterSizeWarning(nodes: number): string | null {
  if (nodes >= 3) return null;
  return `a cluster of ${nodes} nodes has no fault tolerance: when one is away nothing can be changed; three are recommended`;
}

function refuseIdentity(facts: ClusterFacts): Refusal | null {
  if (facts.natsUrl !== "") {
    return refuse("--cluster-name and --nats-url exclude each other; the other server has its own");
  }
  for (const [flag, name] of [
    ["--cluster-name", facts.clusterName],
    ["--server-name", facts.serverName],
  ] as const) {
    if (name !== "" && !isNodeName(name)) {
      return refuse(`${flag} ${quote(name)} is not 1 to 64 letters, digits, - and _`);
    }
  }
  if (facts.serverName === "") {
    return refuse(
      "--server-name is not set, and each node of a cluster needs a name of its own (JetStream tells its copies apart by it)",
    );
  }
  return null;
}

function refusePartialSecret(facts: ClusterFacts): Refusal | null {
  if ((facts.clusterUser !== "") === facts.clusterPassSet) return null;
  return facts.clusterPassSet
    ? refuse("the password of the routes is set without --cluster-user")
    : refuse("--cluster-user is set without --cluster-pass-file (or --cluster-pass)");
}

function routeTlsOf(facts: ClusterFacts): readonly (readonly [flag: string, path: string])[] {
  return [
    ["--route-tls-cert", facts.routeTlsCert],
    ["--route-tls-key", facts.routeTlsKey],
    ["--route-tls-ca", facts.routeTlsCa],
  ];
}

function refusePartialRouteTls(facts: ClusterFacts): Refusal | null {
  const files = routeTlsOf(facts);
  const missing = files.filter(([, path]) => path === "").map(([flag]) => flag);
  if (missing.length === 0 || missing.length === files.length) return null;
  return refuse(
    `--route-tls-cert, --route-tls-key and --route-tls-ca must be set together, and ${missing.join(" and ")} is not`,
  );
}

/** A refused route is named by its place in the list: its text may hold the password. */
function refuseRoutes(routes: readonly string[]): Refusal | null {
  const bad = routes.findIndex((route) => routeHost(route) === null);
  if (bad === -1) return null;
  return refuse(
    `route ${bad + 1} of --routes is not like nats://host:port or nats://user:password@host:port (a comma, @, / or : in a password is written as %2C, %40, %2F, %3A)`,
  );
}

/** A cluster is made of nodes that know of each other: nats-server refuses one without routes. */
function refuseUnreachable(facts: ClusterFacts): Refusal | null {
  if (facts.clusterPort === 0) {
    return refuse("--cluster-port is 0, and the other nodes have to know it; name a port");
  }
  if (routesToPeers(facts).length > 0) return null;
  return refuse(
    "--routes names no other node; give the route URLs of the other nodes, those too that are started later",
  );
}

/** The host of a route's URL, without brackets; null when the text is no route. */
function routeHost(route: string): string | null {
  return parseRoute(route)?.host ?? null;
}

function parseRoute(route: string): { readonly host: string; readonly port: number } | null {
  if (!/^nats(-route)?:\/\//i.test(route)) return null;
  const url = URL.parse(route);
  if (!url?.hostname || url.port === "" || url.port === "0") return null;
  if ((url.pathname !== "" && url.pathname !== "/") || url.search !== "" || url.hash !== "") {
    return null;
  }
  return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(url.port) };
}

/**
 * A cluster is public when others can reach this node's route port, or when this node reaches out:
 * messages cross a route in both directions, whoever opened it.
 */
function refusePublicCluster(facts: ClusterFacts): Refusal | null {
  const why = publicClusterPhrase(facts);
  if (why === null) return null;
  if (facts.busAuth !== "enforce") {
    return refuse(`${why}, and --bus-auth is ${facts.busAuth}; it needs --bus-auth enforce`);
  }
  if (facts.clusterUser === "" || !facts.clusterPassSet) {
    return refuse(`${why}; it needs a secret: --cluster-user and --cluster-pass-file`);
  }
  if (routeTlsOf(facts).some(([, path]) => path === "")) {
    return refuse(
      `${why}; it needs mutual TLS: --route-tls-cert, --route-tls-key and --route-tls-ca`,
    );
  }
  return null;
}

function publicClusterPhrase(facts: ClusterFacts): string | null {
  if (!isLoopbackBind(facts.bind, facts.resolved)) {
    return `${publicBindPhrase(facts)}, so the cluster is`;
  }
  const away = facts.routes.findIndex((route) => !isLoopbackAddress(routeHost(route) ?? ""));
  if (away === -1) return null;
  return `route ${away + 1} of --routes leads to another machine, so the cluster is public`;
}

function refuse(why: string): Refusal {
  return refusal("cluster-refused", `Cannot start: ${why}`);
}
