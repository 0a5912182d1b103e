import type { NodeSettings } from "../config/load.ts";
import type { Bus } from "../contract/bus.ts";
import {
  PAYLOAD_BYTES_MAX,
  ROOMS_PER_USER_MAX,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
} from "../core/limits.ts";
import type { NodeRecord } from "../core/records.ts";
import { isNode } from "../core/rules/nodes.ts";
import { VERSION } from "../core/version.ts";
import { listNodes } from "../store/nodes.ts";
import type { Store } from "../store/open.ts";
import type { DataPlane } from "./data-plane.ts";

/** How clients reach the data plane of a running node, and what it promises them. */
export function busOf(node: {
  readonly settings: NodeSettings;
  readonly dataPlane: DataPlane;
  readonly store: Store;
}): Bus {
  const { settings, dataPlane } = node;
  const { clientUrls, tls, natsVersion } = dataPlane.access();
  // What another server permits is for its own administrator to say.
  const ours = dataPlane.kind === "embedded";
  return {
    dataPlane: dataPlane.kind,
    clientUrls: [...clientUrls],
    nodes: listNodes(node.store).filter(isNode).map(placeOf),
    tls,
    mode: settings.busAuth,
    version: VERSION,
    natsVersion,
    cluster: settings.clusterName === "" ? null : settings.clusterName,
    limits: {
      payloadBytesMax: ours ? PAYLOAD_BYTES_MAX : null,
      connectionsPerUserMax: ours ? settings.connectionsPerUser : null,
      subscriptionsPerConnectionMax: ours ? SUBSCRIPTIONS_PER_CONNECTION_MAX : null,
      roomsPerUserMax: ROOMS_PER_USER_MAX,
    },
  };
}

function placeOf({ node, clientUrls, apiUrls }: NodeRecord): Bus["nodes"][number] {
  return { node, clientUrls: [...clientUrls], apiUrls: [...apiUrls] };
}
