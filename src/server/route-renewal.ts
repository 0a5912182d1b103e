import type { NodeSettings } from "../config/load.ts";
import { type RouteTls, readRouteTls, routeTlsFiles } from "../config/tls-files.ts";
import { ageOf } from "../core/certificate-life.ts";
import { TLS_CHECK_MS, TLS_RETRY_MS, TLS_WARNING_MS } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import type { TlsReload } from "../nats/server-run.ts";
import type { Log } from "../system/log.ts";
import { every } from "../system/wait.ts";
import type { DataPlane } from "./data-plane.ts";
import { ageWords } from "./tls-renewal.ts";

export interface RouteRenewalOptions {
  readonly files: { readonly cert: string; readonly key: string; readonly ca: string };
  readonly inUse: () => RouteTls;
  /** Gives nats-server what the files hold now. */
  readonly renew: (tls: RouteTls) => Promise<TlsReload>;
  /** Whether a roll of the bus CA replaces the files, and takes them up itself. */
  readonly isHeld: () => boolean;
  /** Takes what is in use from now on. */
  readonly use: (tls: RouteTls) => void;
  readonly now: () => number;
  readonly log: Log;
}

/**
 * Looks once at the files of the routes, and gives nats-server what they hold when that is new: a change is
 * believed when two looks saw the same. Each renewal closes the connections of the node's clients for a
 * moment, so there is one a minute at most; routes that are open stay.
 */
export function createRouteRenewal(options: RouteRenewalOptions): { check(): Promise<void> } {
  const { files, inUse, now, log } = options;
  let seen = "";
  let told = "";
  let warnedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;

  function read(): RouteTls | Problem {
    try {
      return readRouteTls(files, now());
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
  }
  function tellOnce(words: string): void {
    if (words !== told) log.warn("routes.unusable", words);
    told = words;
  }
  function warnOfAge(): void {
    if (ageOf(inUse(), now()) === "good" || now() < warnedAt + TLS_WARNING_MS) return;
    warnedAt = now();
    log.warn("routes.aged", `the route certificate ${ageWords(inUse(), now())}`);
  }

  return {
    async check() {
      warnOfAge();
      if (options.isHeld()) {
        seen = "";
        return;
      }
      const found = read();
      const stays = `the route certificate in use stays, ${ageWords(inUse(), now())}`;
      if (found instanceof Problem) {
        seen = "";
        tellOnce(`${found.detail}; ${stays}`);
        return;
      }
      const mark = markOf(found);
      const settled = mark === seen;
      seen = mark;
      if (mark === markOf(inUse()) || !settled || now() < triedAt + TLS_RETRY_MS) return;
      triedAt = now();
      log.info(
        "routes.renewing",
        "a new route certificate: nats-server is told to load it, which closes the connections of all its clients; they come back by themselves within a moment",
      );
      const answer = await options.renew(found);
      if (answer.kind !== "loaded") {
        const why = answer.kind === "refused" ? `: ${answer.why}` : " and did not answer";
        tellOnce(`nats-server does not take the new route certificate${why}; ${stays}`);
        return;
      }
      options.use(found);
      log.info("routes.renewed", `routes have the new certificate, ${ageWords(found, now())}`);
    },
  };
}

function markOf({ certPem, keyPem, caPem }: RouteTls): string {
  return `${certPem}\n${keyPem}\n${caPem}`;
}

/** Looks after the files of the routes, if there are any, until it is disposed of. */
export function followRouteTls(node: {
  readonly settings: Pick<NodeSettings, "routeTlsCert" | "routeTlsKey" | "routeTlsCa">;
  readonly dataPlane: Pick<DataPlane, "renewRouteTls">;
  readonly routeTls: () => RouteTls | null;
  readonly useRouteTls: (tls: RouteTls) => void;
  readonly rolling: () => boolean;
  readonly log: Log;
}): AsyncDisposable {
  const { settings, log } = node;
  const first = node.routeTls();
  const { renewRouteTls } = node.dataPlane;
  if (first === null || renewRouteTls === null) return new AsyncDisposableStack();
  const renewal = createRouteRenewal({
    files: routeTlsFiles(settings),
    inUse: () => node.routeTls() ?? first,
    renew: renewRouteTls,
    use: node.useRouteTls,
    isHeld: node.rolling,
    now: () => Date.now(),
    log,
  });
  return every(TLS_CHECK_MS, () => renewal.check());
}
