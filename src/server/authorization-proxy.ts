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
  /** Resolves when it answers, however late. */
  answered(): Promise<void>;
  /** For how long it owes an answer, in ms; 0 when it owes none. */
  silentMs(): number;
  stop(): Promise<void>;
  terminate(): void;
}

/** Starts the Worker, which loads its modules and waits for `start`. */
export function startAuthorizationWorker(): AuthorizationWorker {
  const worker = new Worker(new URL("./authorization-worker.ts", import.meta.url).href);
  const fault = Promise.withResolvers<Problem>();
  const ready = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  /** The one question that it owes an answer to: however many ask, and anybody may ask for the health. */
  let question: (PromiseWithResolvers<DataPlaneReport> & { readonly at: number }) | null = null;

  function fail(message: string): void {
    const problem = new Problem(
      "start-failed",
      `start embedded nats: logins cannot be decided: ${message}`,
    );
    ready.reject(problem);
    fault.resolve(problem);
  }
  function ask(): Promise<DataPlaneReport> {
    if (question === null) {
      question = { ...Promise.withResolvers<DataPlaneReport>(), at: performance.now() };
      worker.postMessage({ kind: "report" } satisfies ToWorker);
    }
    return question.promise;
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
        question?.resolve(message.report);
        question = null;
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
    async report() {
      const report = await withTimeout(ask(), REPORT_TIMEOUT_MS);
      return report === "timeout" ? null : report;
    },
    answered: async () => void (await ask()),
    silentMs: () => (question === null ? 0 : performance.now() - question.at),
    async stop() {
      worker.postMessage({ kind: "stop" } satisfies ToWorker);
      await withTimeout(stopped.promise, REPORT_TIMEOUT_MS);
      worker.terminate();
    },
    terminate: () => worker.terminate(),
  };
}
