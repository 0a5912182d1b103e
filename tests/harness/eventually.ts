/**
 * Calls `probe` until it neither throws nor answers false, undefined or null, and returns its answer.
 * Throws the last error, or says what was awaited, when `timeoutMs` have passed.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly everyMs?: number; readonly what?: string } = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = 5_000, everyMs = 10, what = "the condition" } = options;
  const deadlineAt = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await probe();
      if (answer !== false && answer !== undefined && answer !== null) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadlineAt) {
      throw new Error(`Waited ${timeoutMs} ms for ${what}`, { cause: last });
    }
    await Bun.sleep(everyMs);
  }
}
