import { createHash } from "node:crypto";
import type { NodeSettings } from "../config/load.ts";
import { judgeTlsPair, type PairFiles, readTlsTexts, type TlsPair } from "../config/tls-files.ts";
import { ageOf, type Validity } from "../core/certificate-life.ts";
import {
  TLS_CHECK_MS,
  TLS_RENEWAL_LEAD_MS,
  TLS_RENEWAL_MS_MIN,
  TLS_RETRY_MS,
  TLS_WARNING_MS,
} from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import type { TlsReload } from "../nats/server-run.ts";
import type { Log } from "../system/log.ts";
import { every } from "../system/wait.ts";
import type { Listening } from "./api.ts";
import type { DataPlane } from "./data-plane.ts";

export interface RenewalOptions {
  readonly files: PairFiles;
  readonly inUse: () => TlsPair;
  /** Serves another pair from now on, on both planes or on none. */
  readonly renew: (pair: TlsPair) => Promise<TlsReload>;
  /** Whether a renewal closes connections of clients, so that there may not be many. */
  readonly disturbs: boolean;
  readonly now: () => number;
  readonly log: Log;
}

/** Looks after the certificate in use. */
export interface Renewal {
  /** Looks at the files once, and does what follows from it. Throws what `renew` throws. */
  check(): Promise<void>;
}

/**
 * Notices by their content that the files of the certificate changed, however they were replaced, and
 * serves what they hold now. Two files are never changed at once, so a change is believed when two looks
 * saw the same; a pair that cannot be used is waited for, and told once.
 */
export function createRenewal(options: RenewalOptions): Renewal {
  const { files, inUse, now, log } = options;
  let seen = "";
  let told = "";
  let warnedAt = Number.NEGATIVE_INFINITY;
  let renewedAt = Number.NEGATIVE_INFINITY;
  let retryAt = Number.NEGATIVE_INFINITY;
  let refused = "";

  function tellOnce(mark: string, level: "info" | "warn", event: string, message: string): void {
    const words = `${mark} ${event} ${message}`;
    if (words !== told) log[level](event, message, { cert: files.cert });
    told = words;
  }
  function warnOfAge(): void {
    const age = ageOf(inUse(), now());
    if (age === "good" || now() < warnedAt + TLS_WARNING_MS) return;
    warnedAt = now();
    log.warn("tls.aged", `the certificate ${ageWords(inUse(), now())}`, { cert: files.cert });
  }
  /** When a change may be served: a day after the last one, but before the one in use ends. */
  function dueAt(): number {
    if (!options.disturbs) return now();
    return Math.min(renewedAt + TLS_RENEWAL_MS_MIN, inUse().notAfter - TLS_RENEWAL_LEAD_MS);
  }
  async function serve(pair: TlsPair, mark: string): Promise<void> {
    if (mark === refused || now() < retryAt) return;
    const answer = await options.renew(pair);
    if (answer.kind === "loaded") {
      renewedAt = now();
      warnedAt = Number.NEGATIVE_INFINITY;
      return;
    }
    if (answer.kind === "refused") refused = mark;
    else retryAt = now() + TLS_RETRY_MS;
    const why =
      answer.kind === "refused"
        ? `nats-server does not take it: ${answer.why}`
        : "nats-server did not answer, and is asked again in a minute";
    log.error("tls.refused", `Cannot use the new certificate: ${why}; ${stays()}`);
  }
  const stays = (): string => `the one in use stays, ${ageWords(inUse(), now())}`;

  return {
    async check() {
      warnOfAge();
      const look = lookAt(files);
      if (look.mark === markOf(inUse())) {
        seen = "";
        told = "";
        return;
      }
      const settled = look.mark === seen;
      seen = look.mark;
      if (!settled) return;
      const judged = judge(look, files, now());
      if (judged instanceof Problem) {
        tellOnce(look.mark, "warn", "tls.unusable", `${judged.detail}; ${stays()}`);
      } else if (now() < dueAt()) {
        const due = new Date(dueAt()).toISOString();
        const words = `the new certificate is served from ${due} on: a renewal closes all NATS connections for a moment, and there is one a day at most`;
        tellOnce(look.mark, "info", "tls.postponed", words);
      } else await serve(judged, look.mark);
    },
  };
}

/** Looks after the certificate until it is disposed of. `onFault` hears what cannot be gone on from. */
export function followCertificate(
  options: RenewalOptions & { readonly onFault: (problem: Problem) => void },
): AsyncDisposable {
  const renewal = createRenewal(options);
  return every(TLS_CHECK_MS, () =>
    renewal.check().catch((error: unknown) => {
      if (!(error instanceof Problem)) throw error;
      options.onFault(error);
    }),
  );
}

/**
 * Serves another certificate on both planes, within the same second: nats-server first, which may refuse
 * it; then nothing has changed. Throws `start-failed` when the API lost its port by it.
 */
export async function renewPlanes(parts: {
  readonly pair: TlsPair;
  readonly dataPlane: Pick<DataPlane, "renewTls">;
  readonly listening: { renewTls(pair: TlsPair): Promise<void> };
  readonly use: (pair: TlsPair) => void;
  readonly log: Log;
}): Promise<TlsReload> {
  const { pair, dataPlane, listening, log } = parts;
  const disturbs = dataPlane.renewTls !== null;
  log.info(
    "tls.renewing",
    disturbs
      ? "a new certificate: nats-server is told to load it, which closes the connections of all its clients; they come back by themselves within a moment"
      : "a new certificate: the API is about to serve it",
  );
  const answer = (await dataPlane.renewTls?.(pair)) ?? { kind: "loaded" };
  if (answer.kind !== "loaded") return answer;
  const loadedAt = performance.now();
  parts.use(pair);
  await listening.renewTls(pair);
  const betweenMs = Math.round((performance.now() - loadedAt) * 1000) / 1000;
  const what = disturbs ? "both planes serve" : "the API serves";
  log.info("tls.renewed", `${what} the new certificate, ${ageWords(pair, Date.now())}`, {
    betweenMs,
  });
  return answer;
}

/** Says how old a certificate is, in words that follow it. */
export function ageWords(validity: Validity, at: number): string {
  const end = new Date(validity.notAfter).toISOString();
  switch (ageOf(validity, at)) {
    case "good":
      return `valid until ${end}`;
    case "ending":
      return `valid until ${end}, with two thirds of its life over: renew it`;
    case "ended":
      return `ended at ${end}: clients refuse it, renew it`;
  }
}

/** What the files hold, or why they cannot be read; `mark` is another one when anything is. */
type Look =
  | { readonly mark: string; readonly texts: Pick<TlsPair, "certPem" | "keyPem"> }
  | { readonly mark: string; readonly problem: Problem };

function lookAt(files: PairFiles): Look {
  try {
    const texts = readTlsTexts(files);
    return { mark: markOf(texts), texts };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { mark: error.detail, problem: error };
  }
}

function judge(look: Look, files: PairFiles, at: number): TlsPair | Problem {
  if ("problem" in look) return look.problem;
  try {
    return judgeTlsPair(files, look.texts, at);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

function markOf({ certPem, keyPem }: Pick<TlsPair, "certPem" | "keyPem">): string {
  return createHash("sha256").update(certPem).update("\0").update(keyPem).digest("hex");
}

/** Looks after the files of the certificate as long as the node runs. Resolves when that failed. */
export function followTls(
  stack: AsyncDisposableStack,
  node: {
    readonly settings: Pick<NodeSettings, "tlsCert" | "tlsKey">;
    readonly tls: () => TlsPair | null;
    readonly useTls: (pair: TlsPair) => void;
    readonly log: Log;
  },
  planes: { readonly dataPlane: DataPlane; readonly listening: Listening },
): Promise<Problem> {
  const { settings, tls, useTls, log } = node;
  const fault = Promise.withResolvers<Problem>();
  const inUse = tls();
  if (inUse === null) return fault.promise;
  const { dataPlane, listening } = planes;
  stack.use(
    followCertificate({
      files: { cert: settings.tlsCert, key: settings.tlsKey, what: "NATS TLS" },
      inUse: () => tls() ?? inUse,
      renew: (pair) => renewPlanes({ pair, dataPlane, listening, use: useTls, log }),
      disturbs: dataPlane.renewTls !== null,
      now: () => Date.now(),
      onFault: fault.resolve,
      log,
    }),
  );
  return fault.promise;
}
