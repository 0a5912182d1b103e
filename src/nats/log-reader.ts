import { closeSync } from "node:fs";
import type { FromLogWorker, ToLogWorker } from "./log-worker.ts";
import type { NatsLogLine } from "./server-log.ts";

/**
 * Reads nats-server's log from a pipe, on a thread of its own, until its end; closes the pipe then.
 * `onLines` hears of what matters, and how many lines before it came too fast to be kept.
 */
export function readNatsLog(
  pipe: number,
  onLines: (lines: readonly NatsLogLine[], dropped: number) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker(new URL("./log-worker.ts", import.meta.url).href);
  const say = (message: ToLogWorker): void => worker.postMessage(message);
  worker.onmessage = (event: MessageEvent<FromLogWorker>) => {
    const message = event.data;
    if (message === "ended") {
      worker.terminate();
      closeSync(pipe);
      resolve();
      return;
    }
    onLines(message.lines, message.dropped);
    say("more");
  };
  worker.onerror = (event) => reject(new Error(event.message));
  say({ pipe });
  return promise;
}
