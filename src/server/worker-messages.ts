import type { UserId } from "../core/ids.ts";
import type { AuthMode } from "../core/login.ts";
import type { Effect } from "../core/operations.ts";
import type { RefusalReport } from "../core/records.ts";
import type { ClusterReport } from "../nats/cluster-watch.ts";
import type { ServiceEndpoint } from "../nats/connection.ts";

/** What the node tells the Worker in which logins are decided. */
export type ToWorker =
  | {
      readonly kind: "start";
      readonly endpoint: ServiceEndpoint;
      /** How this node takes part in its cluster; null on a node on its own. */
      readonly cluster: {
        /** Routes of the settings to other nodes. */
        readonly peers: number;
        readonly staleMaxMs: number;
      } | null;
      /** Secret halves of the node's own keys; they live in this process's memory only. */
      readonly seeds: ServiceSeeds;
      readonly mode: AuthMode;
      readonly connectionsPerUser: number;
      /** False where plain rooms are closed: nobody has rights in them then. */
      readonly plainRooms: boolean;
      readonly databasePath: string;
      readonly logFormat: "text" | "json";
    }
  /** What the entry of this number means for connections. */
  | { readonly kind: "effects"; readonly effects: readonly Effect[]; readonly entry: number }
  /** These users are refused, and no others, whatever the database says of them. */
  | { readonly kind: "bar"; readonly users: readonly UserId[] }
  | { readonly kind: "admit"; readonly forMs: number }
  | { readonly kind: "report" }
  | { readonly kind: "stop" };

export interface ServiceSeeds {
  readonly issuer: Uint8Array;
  readonly authorization: Uint8Array;
  readonly system: Uint8Array;
  readonly app: Uint8Array;
}

/** What the Worker tells the node. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "report"; readonly report: DataPlaneReport }
  | { readonly kind: "stopped" };

/** The state of the data plane as the Worker sees it. */
export interface DataPlaneReport {
  readonly connected: boolean;
  readonly connections: number;
  readonly refusals: RefusalReport;
  readonly cluster: ClusterReport | null;
}
