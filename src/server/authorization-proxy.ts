import { NATS_READY_TIMEOUT_MS } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import { withTimeout } from "../system/wait.ts";
import type { DataPlaneReport, FromWorker, ToWorker } from "./worker-messages.ts";

const REPORT_TIMEOUT_MS = 2_000;

/** The Worker in which logins are decided, as the main thread has it. */
export interface AuthorizationWorker {
  readonly fault: Promise<Problem>;
  start(message: Extract<ToWorker, { kind: "start" }>): Promise<void>;
  post(message: ToWorker): void;
  /** Null when it does not answer in time. */
  report(): Promise<DataPlaneReport | null>;
  stop(): Promise<void>;
  terminate(): void;
}

/** Starts the Worker, which loads its modules and waits for `start`. */
export function startAuthorizationWorker(): AuthorizationWorker {
  const worker = new Worker(new URL("./authorization-worker.ts", import.meta.url).href);
  const fault = Promise.withResolvers<Problem>();
  const ready = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const reports = new Map<number, (report: DataPlaneReport) => void>();
  let reportId = 0;
  let asking: Promise<DataPlaneReport | null> | null = null;

  function fail(message: string): void {
    const problem = new Problem(
      "start-failed",
      `start embedded nats: logins cannot be decided: ${message}`,
    );
    ready.reject(problem);
    fault.resolve(problem);
  }
  async function ask(): Promise<DataPlaneReport | null> {
    const id = ++reportId;
    const { promise, resolve } = Promise.withResolvers<DataPlaneReport>();
    reports.set(id, resolve);
    worker.postMessage({ kind: "report", id } satisfies ToWorker);
    const report = await withTimeout(promise, REPORT_TIMEOUT_MS);
    reports.delete(id);
    return report === "timeout" ? null : report;
  }

  worker.onmessage = (event: MessageEvent<FromWorker>) => {
    const message = event.data;
    switch (message.kind) {
      case "ready":
        ready.resolve();
        return;
      case "failed":
        fail(message.message);
        return;
      case "report":
        reports.get(message.id)?.(message.report);
        reports.delete(message.id);
        return;
      case "stopped":
        stopped.resolve();
        return;
      default:
        message satisfies never;
    }
  };
  worker.onerror = (event) => fail(event.message);
  ready.promise.catch(() => undefined);

  return {
    fault: fault.promise,
    async start(message) {
      worker.postMessage(message);
      const started = await withTimeout(ready.promise, NATS_READY_TIMEOUT_MS);
      if (started === "timeout") {
        throw new Problem(
          "start-failed",
          "start embedded nats: logins could not be decided in time",
        );
      }
    },
    post: (message) => worker.postMessage(message),
    report() {
      // One question at a time, however many ask: anybody may ask for the node's health.
      asking ??= ask().finally(() => {
        asking = null;
      });
      return asking;
    },
    async stop() {
      worker.postMessage({ kind: "stop" } satisfies ToWorker);
      await withTimeout(stopped.promise, REPORT_TIMEOUT_MS);
      worker.terminate();
    },
    terminate: () => worker.terminate(),
  };
}
