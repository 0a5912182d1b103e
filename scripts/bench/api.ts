import { join } from "node:path";
import { benchGrowth } from "./api-growth.ts";
import { benchRoute } from "./api-route.ts";
import { loadMemberships, startApiNode, startPeers } from "./api-scene.ts";
import { benchSigned } from "./api-signed.ts";
import { benchFolder, pin } from "./servers.ts";
import type { Row } from "./statistics.ts";

/** Memberships of a young bus, with which a bus of many is compared. */
const FEW = 100;

/**
 * The API over loopback: a cheap route beside a raw Bun.serve, a signed GET beside the sum of what it
 * cannot do without, and the same GET in a bus of many memberships. Where that can be done, all that
 * answers runs on one core and the load on another.
 */
export async function benchApi(options: {
  readonly runs: number;
  /** Memberships of the large bus. */
  readonly many: number;
}): Promise<readonly Row[]> {
  const { runs, many } = options;
  using folder = benchFolder();
  await using stack = new AsyncDisposableStack();
  const peers = stack.use(startPeers());
  const start = async (memberships: number, mode: "off" | "enforce") => {
    const dataDir = join(folder.path, `${memberships}-${mode}`);
    const loaded = await loadMemberships(dataDir, memberships);
    const node = stack.use(await startApiNode(dataDir, mode));
    return { node, memberships, loaded };
  };
  const [open, few, large] = [
    await start(FEW, "off"),
    await start(FEW, "enforce"),
    await start(many, "enforce"),
  ];
  const prefix = pin([peers.pid, open.node.pid, few.node.pid, large.node.pid]);
  return [
    ...(await benchRoute({ runs, node: open.node, peers, prefix })),
    ...(await benchSigned({ runs, few, open: open.node, peers, prefix })),
    ...(await benchGrowth({ runs, few, large, peers, prefix })),
  ];
}
