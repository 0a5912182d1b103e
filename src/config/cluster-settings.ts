import { STALE_SECONDS, STALE_SECONDS_MAX, STALE_SECONDS_MIN } from "../core/limits.ts";
import type { SettingShape } from "./schema.ts";

/** The settings of a node of a cluster. Names and defaults of the first unibus are kept byte for byte. */
export const CLUSTER_SETTINGS = {
  "cluster-name": {
    value: "NAME",
    default: "",
    help: "NATS cluster name (identical on every node); empty = standalone, no HA",
    group: "Cluster",
    read: { kind: "name" },
  },
  "server-name": {
    value: "NAME",
    default: "",
    help: "unique node name within the cluster (required by JetStream RAFT when clustered)",
    group: "Cluster",
    read: { kind: "name" },
  },
  "cluster-port": {
    value: "PORT",
    default: "6250",
    help: "route listener port for server-to-server cluster traffic",
    group: "Cluster",
    read: { kind: "port" },
  },
  routes: {
    value: "URLS",
    default: "",
    help: "comma-separated nats-route URLs of the OTHER nodes, e.g. nats://user:pass@10.0.0.2:6250; better in UNIBUS_ROUTES, as argv is visible to others",
    group: "Cluster",
    secret: "credentials",
    read: { kind: "routes" },
  },
  "cluster-user": {
    value: "NAME",
    default: "",
    help: "shared route secret username (gates the route listener)",
    group: "Cluster",
    read: { kind: "text" },
  },
  "cluster-pass": {
    value: "SECRET",
    default: "",
    help: "shared route secret password; better in --cluster-pass-file, as argv is visible to others",
    group: "Cluster",
    secret: "whole",
    read: { kind: "text" },
  },
  "cluster-pass-file": {
    value: "FILE",
    default: "",
    help: "file that holds the shared route secret password, readable by its owner only",
    group: "Cluster",
    read: { kind: "path" },
  },
  "route-tls-cert": {
    value: "FILE",
    default: "",
    help: "this node's route certificate (CA-signed); enables mutual route TLS with --route-tls-key/--route-tls-ca",
    group: "Cluster",
    read: { kind: "path" },
  },
  "route-tls-key": {
    value: "FILE",
    default: "",
    help: "this node's route private key",
    group: "Cluster",
    read: { kind: "path" },
  },
  "route-tls-ca": {
    value: "FILE",
    default: "",
    help: "bus CA that signs every node's route certificate (deploy/tls/ca.crt)",
    group: "Cluster",
    read: { kind: "path" },
  },
  "stale-max": {
    value: "SECONDS",
    default: `${STALE_SECONDS}`,
    help: "how long a node that hears nothing of the cluster's journal goes on by what it knows; then it admits and answers nobody",
    group: "Cluster",
    read: { kind: "count", least: STALE_SECONDS_MIN, most: STALE_SECONDS_MAX },
  },
} as const satisfies Readonly<Record<string, SettingShape>>;
