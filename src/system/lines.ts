const LINE_CHARS_MAX = 8_192;

/** Calls `onLine` for each line of a stream until it ends; longer lines are cut, never gathered. */
export async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = (lines.pop() ?? "").slice(0, LINE_CHARS_MAX);
    for (const line of lines) onLine(line.slice(0, LINE_CHARS_MAX));
  }
  if (rest) onLine(rest);
}
