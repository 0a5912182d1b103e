const LIMIT = /(?:\/\*\*\s*((?:(?!\*\/)[\s\S])*?)\s*\*\/\n)?export const ([A-Z][A-Z0-9_]*) =/g;

/**
 * Renders the page of limits. `text` is the file that defines them, read for the comments; a limit
 * without a comment of its own shares the one before it.
 */
export function renderLimits(text: string, values: Readonly<Record<string, number>>): string {
  let reason = "";
  const rows = [...text.matchAll(LIMIT)].map(([, comment, name = ""]) => {
    reason = comment?.replace(/\s*\n\s*\*\s*/g, " ") ?? reason;
    return `| \`${name}\` | ${withUnit(name, values[name] ?? Number.NaN)} | ${reason} |`;
  });
  return `# Limits

Every bound of unibus. They are constants: changing one is changing the program.

| limit | value | meaning |
|---|---|---|
${rows.join("\n")}
`;
}

const BYTES = { GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024 };
const TIMES = { h: 3_600_000, min: 60_000, s: 1_000 };

/** A value in the largest unit that leaves it whole; the unit is told by the name. */
function withUnit(name: string, value: number): string {
  const bytes = /_BYTES\b|_BYTES_/.test(name);
  if (!bytes && !/_MS\b|_MS_/.test(name)) return value.toLocaleString("en-US");
  for (const [unit, size] of Object.entries(bytes ? BYTES : TIMES)) {
    if (value >= size && value % size === 0) return `${value / size} ${unit}`;
  }
  return `${value.toLocaleString("en-US")} ${bytes ? "bytes" : "ms"}`;
}
