import type { Watched } from "./health-watch.ts";

declare const self: Worker;

const EVERY_MS = 10;
const timesMs: number[] = [];
let failed = 0;
let stopped = false;

self.onmessage = ({ data }: MessageEvent<{ url?: string; stop?: boolean }>) => {
  if (data.stop) stopped = true;
  if (data.url) void watch(data.url);
};

async function watch(url: string): Promise<void> {
  while (!stopped) {
    const askedAt = performance.now();
    const isAnswered = await ask(url);
    if (isAnswered) timesMs.push(performance.now() - askedAt);
    else failed++;
    await Bun.sleep(EVERY_MS);
  }
  const watched: Watched = { timesMs, failed };
  self.postMessage(watched);
}

async function ask(url: string): Promise<boolean> {
  try {
    // A connection each time, as a load balancer asks.
    const answer = await fetch(url, { keepalive: false, signal: AbortSignal.timeout(5_000) });
    await answer.text();
    return answer.status === 200;
  } catch {
    return false;
  }
}
