import type { ApiJob, ApiNumbers, Place, RequestKind } from "./api-load.ts";
import type { FixedAnswer } from "./api-peers.ts";
import { runLoad } from "./servers.ts";

/** As many as wrk was given where the aims come from. */
const CONNECTIONS = 32;

/** One side of a comparison: where it answers, and the process that does. */
export type Side = Place & { readonly pid: number };

interface LoadOptions {
  readonly requests: RequestKind;
  readonly count: number;
  readonly connections?: number;
  /** What gives the load a core of its own; empty where there is none. */
  readonly prefix: readonly string[];
  /** Lets the load sleep where it has a core of its own, to see how much of it it needs. */
  readonly maySleep?: boolean;
}

/** Sends one load to one side. */
export function loadOf(side: Side, options: LoadOptions): Promise<ApiNumbers> {
  const { pid } = side;
  const place = "port" in side ? { port: side.port } : { unix: side.unix };
  const { requests, count, connections = CONNECTIONS, prefix, maySleep = false } = options;
  const awake = prefix.length > 0 && !maySleep;
  const job: ApiJob = { place, pid, connections, count, awake, requests };
  return runLoad<ApiNumbers>("api-load", job, prefix);
}

/** Headers that HTTP needs of every server; the others belong to the answer. */
const OF_HTTP = ["connection", "content-length", "date", "transfer-encoding"];

/** What a node answers, so that others can answer the same. */
export async function fixedAnswer(response: Response): Promise<FixedAnswer> {
  if (!response.ok) throw new Error(`A node answered ${response.status}`);
  const headers = [...response.headers].filter(([name]) => !OF_HTTP.includes(name));
  return { headers: Object.fromEntries(headers), body: await response.text() };
}
