const EVERY_MS = 10_000;

/** Does something that may take long, and says every ten seconds how far it is. */
export async function withProgress<T>(
  options: { readonly say: (line: string) => void; readonly describe: () => string },
  work: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    options.say(`${options.describe()} (${seconds} s)`);
  }, EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
