/** Answers what the promise answers, or "timeout" after `timeoutMs`; leaves no timer behind. */
export async function withTimeout<T>(
  promise: Promise<T>,
  timeoutMs: number,
): Promise<T | "timeout"> {
  const { promise: late, resolve } = Promise.withResolvers<"timeout">();
  const timer = setTimeout(() => resolve("timeout"), timeoutMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Does something at once and again `periodMs` after it was done, until it is disposed, which waits for
 * what is under way. A `work` that throws ends it, and nobody is told but the process.
 */
export function every(periodMs: number, work: () => Promise<void>): AsyncDisposable {
  const ended = Promise.withResolvers<void>();
  let isEnded = false;
  const running = (async () => {
    while (!isEnded) {
      await work();
      await withTimeout(ended.promise, periodMs);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      isEnded = true;
      ended.resolve();
      await running;
    },
  };
}
