import { certificateBlocks } from "../core/pem.ts";
import { type MemoryText, makeMemoryText } from "../system/memory-file.ts";

/** A certificate with its chain and its key, both PEM. */
export interface NatsTls {
  readonly certPem: string;
  readonly keyPem: string;
}

/** A node's certificate for routes, its key, and the CA of all nodes. */
export interface NatsRouteTls extends NatsTls {
  readonly caPem: string;
}

/** What nats-server has of TLS: for its clients, and for the routes to other nodes. */
export interface NatsTlsTexts {
  readonly tls: NatsTls | null;
  readonly routeTls: NatsRouteTls | null;
}

/**
 * Where nats-server finds a certificate and its key: both in one file in memory, by a descriptor of its
 * own. These are the only ones beside stdin and its outputs that the guard of the executable hands on.
 */
export const NATS_TLS_FILES = {
  certFile: "/proc/self/fd/3",
  keyFile: "/proc/self/fd/3",
} as const;
export const NATS_ROUTE_TLS_FILES = {
  certFile: "/proc/self/fd/4",
  keyFile: "/proc/self/fd/4",
  // Apart: what stands in this file is trusted.
  caFile: "/proc/self/fd/5",
} as const;

/** The files in memory that one nats-server reads. */
export interface TlsMemory extends Disposable {
  /** What the child is given as its descriptors from 3 on. */
  readonly descriptors: readonly number[];
  /** What they hold now. */
  readonly texts: NatsTlsTexts;
  /** Puts other texts into them. What was null stays so: a listener gets no TLS by a reload. */
  put(texts: NatsTlsTexts): void;
}

/** Makes the files: what is read is what was judged, whatever becomes of the files on disk meanwhile. */
export function makeTlsMemory(first: NatsTlsTexts): TlsMemory {
  const { tls, routeTls } = first;
  let texts = first;
  const client = tls && makeMemoryText("unibus tls", pairText(tls));
  const pair = routeTls && makeMemoryText("unibus route tls", pairText(routeTls));
  const ca = routeTls && makeMemoryText("unibus route ca", caText(routeTls));
  const all = [client, pair, ca].filter((file): file is MemoryText => file !== null);
  return {
    // Those of routes keep their numbers where clients have no TLS.
    descriptors: ((client ?? pair) ? [client ?? pair, ...(pair ? [pair, ca] : [])] : []).flatMap(
      (file) => (file ? [file.descriptor] : []),
    ),
    get texts() {
      return texts;
    },
    put(next) {
      texts = next;
      if (next.tls) client?.replace(pairText(next.tls));
      if (next.routeTls) pair?.replace(pairText(next.routeTls));
      if (next.routeTls) ca?.replace(caText(next.routeTls));
    },
    [Symbol.dispose]() {
      for (const file of all) file[Symbol.dispose]();
    },
  };
}

/** The certificates and the key as one text; a key that stands in the certificate's file is not used. */
function pairText({ certPem, keyPem }: NatsTls): string {
  return [...certificateBlocks(certPem), keyPem].join("\n");
}

function caText({ caPem }: NatsRouteTls): string {
  return certificateBlocks(caPem).join("\n");
}
