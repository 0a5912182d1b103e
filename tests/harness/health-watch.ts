/** How a node answered `/healthz` meanwhile. */
export interface HealthTimes {
  readonly asked: number;
  /** Answers that were not 200, and questions without an answer. */
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface HealthWatch {
  /** Says how it was since the start. */
  stop(): Promise<HealthTimes>;
}

/** What the Worker counted. */
export interface Watched {
  readonly timesMs: readonly number[];
  readonly failed: number;
}

/**
 * Asks for `/healthz` over and over, on a thread of its own: what the test does itself meanwhile would
 * be measured otherwise. A second has fewer questions than one address may ask.
 */
export function watchHealth(url: string): HealthWatch {
  const worker = new Worker(new URL("./health-watch-worker.ts", import.meta.url));
  worker.postMessage({ url: `${url}/healthz` });
  return {
    async stop() {
      const { promise, resolve } = Promise.withResolvers<Watched>();
      worker.onmessage = ({ data }: MessageEvent<Watched>) => resolve(data);
      worker.postMessage({ stop: true });
      const { timesMs, failed } = await promise;
      worker.terminate();
      const sorted = timesMs.toSorted((one, other) => one - other);
      const at = (part: number) =>
        Math.round((sorted[Math.floor(sorted.length * part)] ?? 0) * 10) / 10;
      return {
        asked: sorted.length + failed,
        failed,
        ...{ p50Ms: at(0.5), p99Ms: at(0.99), maxMs: Math.round(sorted.at(-1) ?? 0) },
      };
    },
  };
}
