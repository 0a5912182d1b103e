import { NATS_LINES_WAITING_MAX } from "../core/limits.ts";
import { readLines } from "../system/lines.ts";
import { type NatsLogLine, readNatsLine } from "./server-log.ts";

/*
 * The Worker that reads nats-server's log. nats-server waits for whoever reads it, and with it waits
 * every login; clients can make it log a lot. So a thread reads that does nothing else.
 */

declare const self: Worker;

/** The end of the pipe to read, or word that the main thread has dealt with what it was sent. */
export type ToLogWorker = { readonly pipe: number } | "more";

/** Lines that somebody has to see. `dropped` counts those that came faster than they were taken. */
export type FromLogWorker =
  | { readonly lines: readonly NatsLogLine[]; readonly dropped: number }
  | "ended";

let waiting: NatsLogLine[] = [];
let dropped = 0;
let ended = false;
/** False while the main thread deals with lines: what waits for it is bounded here. */
let free = true;

self.onmessage = (event: MessageEvent<ToLogWorker>) => {
  const message = event.data;
  if (message === "more") {
    free = true;
    send();
    return;
  }
  void readLines(Bun.file(message.pipe).stream(), take).finally(() => {
    ended = true;
    send();
  });
};

function take(text: string): void {
  const line = readNatsLine(text);
  if (!matters(line)) return;
  if (waiting.length < NATS_LINES_WAITING_MAX) waiting.push(line);
  else dropped++;
  send();
}

/** Most lines are of clients that were refused: unibus itself tells these, with the reason. */
function matters(line: NatsLogLine): boolean {
  if (line.ready || line.streamsClosed || line.streamsGivenUp || line.reload !== null) return true;
  if (line.listensOn !== null || line.routesReady || line.violation !== null) return true;
  if (line.level !== "warn" && line.level !== "error" && line.level !== "fatal") return false;
  return !line.expected || !line.ofClient;
}

function send(): void {
  if (!free) return;
  if (waiting.length > 0 || dropped > 0) {
    free = false;
    self.postMessage({ lines: waiting, dropped } satisfies FromLogWorker);
    waiting = [];
    dropped = 0;
  } else if (ended) self.postMessage("ended" satisfies FromLogWorker);
}
