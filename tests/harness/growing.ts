import { join } from "node:path";
import { openCallers, type SigningCaller } from "./callers.ts";
import { type Cluster, type ClusterNode, prepareCluster } from "./cluster.ts";
import { freePorts } from "./free-ports.ts";
import { demand, makeCa } from "./joining.ts";
import { loginRaw, type RawNats, type TestKey, testKey } from "./raw-nats.ts";
import { createSigner } from "./signer.ts";
import { type RunningUnibus, run, startUnibus, temporaryFolder } from "./unibus.ts";

/** A node on its own, and the cluster that it is to become the first node of. */
export interface Growing extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly first: ClusterNode;
  readonly natsPort: number;
  /** Starts the first node without its cluster, on the ports that it has in the cluster too. */
  startAlone(): Promise<RunningUnibus>;
}

/** Prepares three nodes with mutual route TLS and a secret, the first of which is on its own for now. */
export async function prepareGrowth(
  options: { readonly mode?: "enforce" | "off" } = {},
): Promise<Growing> {
  const { mode = "enforce" } = options;
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder());
  const ca = await makeCa(join(folder.path, "ca"), ["n"]);
  const [natsPort = 0, httpPort = 0] = await freePorts(2);
  const ports = ["--nats-port", `${natsPort}`, "--http-port", `${httpPort}`];
  const cluster = stack.use(
    await prepareCluster({
      ...{ mode, tls: ca.nodeFiles("n") },
      argsOf: (index) => (index === 0 ? ports : []),
    }),
  );
  const first = cluster.node(0);
  const owned = stack.move();
  return {
    ...{ cluster, first, natsPort },
    startAlone: () => startUnibus({ dataDir: first.dataDir, args: ["--bus-auth", mode, ...ports] }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What people have on a bus: all of it is to be there afterwards. */
export interface Belongings {
  readonly owner: SigningCaller;
  readonly member: TestKey;
  readonly room: string;
  readonly subject: string;
  readonly token: string;
  readonly invite: string;
}

/** Admits people to a node, gives them a room, a token and an invite. */
export async function fillBus(unibus: RunningUnibus): Promise<Belongings> {
  const callers = await openCallers(unibus);
  const owner = callers.signing();
  const member = testKey();
  for (const user of [owner.user, member.user]) await unibus.ask("POST", "/v1/users", { user });
  const { room, subject } = await owner.get<{ room: string; subject: string }>(
    "POST",
    "/v1/rooms",
    { name: "ops" },
  );
  await unibus.ask("PUT", `/v1/rooms/${room}/members/${member.user}`, { role: "member" });
  const { secret: token } = await owner.get<{ secret: string }>("POST", "/v1/tokens", {
    scope: "read",
  });
  const { secret: invite } = await unibus.ask<{ secret: string }>("POST", "/v1/invites", {});
  return { owner, member, room, subject, token, invite };
}

/** What of the belongings works at a node, in words; each is "works" or what was answered. */
export async function whatWorks(
  unibus: RunningUnibus,
  { owner, member, room, token }: Belongings,
): Promise<readonly string[]> {
  const callers = await openCallers(unibus);
  const again = callers.signing(createSigner(callers.busId, owner.signer.key));
  const answers = [
    await again.ask("GET", `/v1/rooms/${room}`),
    await callers.bearing(token).ask("GET", `/v1/rooms/${room}`),
    await callers.operator.ask("GET", `/v1/rooms/${room}/members`),
  ];
  using client = await loginRaw(unibus.natsPort, member);
  return [...answers.map(({ told }) => told), client.closed ? "refused" : "admitted"];
}

/** What `whatWorks` answers when all does. */
export const ALL_WORKS = ["200", "200", "200", "admitted"];

/** Uses an invite at a node, and answers what came of it. */
export async function redeem(unibus: RunningUnibus, text: string): Promise<string> {
  const callers = await openCallers(unibus);
  const newcomer = callers.signing();
  const { invite, proof } = newcomer.signer.proveInvite(text);
  return (await newcomer.ask("POST", `/v1/invites/${invite}/redeem`, { body: { proof } })).told;
}

/** Runs an offline command on a node's folder, and demands that it succeeds. */
export async function onStopped(
  node: Pick<ClusterNode, "dataDir">,
  ...words: readonly string[]
): Promise<Record<string, unknown>> {
  const ran = await demand(["node", ...words, "--data-dir", node.dataDir, "--yes", "--json"]);
  return JSON.parse(ran.stdout);
}

/** How a command of the nodes fails on a folder. */
export async function refusedOn(
  { dataDir }: Pick<ClusterNode, "dataDir">,
  ...words: readonly string[]
): Promise<{ readonly code: string; readonly detail: string; readonly exit: number }> {
  const ran = await run(["node", ...words, "--data-dir", dataDir, "--json"]);
  const { code, detail } = JSON.parse(ran.stderr.slice(ran.stderr.indexOf("{")));
  return { code, detail, exit: ran.code };
}

/** How long nobody was let in at a port, tried again and again, until somebody is. */
export async function untilAdmitted(port: number, key: TestKey): Promise<RawNats> {
  for (;;) {
    try {
      const client = await loginRaw(port, key);
      if (!client.closed) return client;
      client[Symbol.dispose]();
    } catch {
      // Nothing listens yet.
    }
    await Bun.sleep(20);
  }
}
