/** The middle of some numbers, and between which two half of them lie. */
export interface Spread {
  readonly median: number;
  readonly q1: number;
  readonly q3: number;
  readonly runs: number;
}

/** Reads a quantile (0 to 1) off some numbers, between two neighbours where it falls there. */
export function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  const place = (sorted.length - 1) * at;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export function spreadOf(values: readonly number[]): Spread {
  return {
    median: quantile(values, 0.5),
    q1: quantile(values, 0.25),
    q3: quantile(values, 0.75),
    runs: values.length,
  };
}

/** The spread of the ratios run by run: what disturbs the machine disturbs both of a pair. */
export function ratioOf(values: readonly number[], base: readonly number[]): Spread {
  return spreadOf(values.map((value, run) => value / (base[run] ?? Number.NaN)));
}

/** One line of the result. */
export interface Row {
  readonly what: string;
  readonly unit: "µs" | "ms" | "s" | "/s" | "MB" | "";
  readonly spread: Spread;
  /** What it should reach, in words. */
  readonly aim?: string;
}

/** Renders a spread as `117 (112 to 121)`. */
export function wordsOf({ median, q1, q3 }: Spread): string {
  return `${rounded(median)} (${rounded(q1)} to ${rounded(q3)})`;
}

function rounded(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Calls each run's parts in an order that turns with every run: ABBA for two. */
export async function interleave<Name extends string>(
  runs: number,
  parts: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Readonly<Record<Name, readonly number[]>>> {
  // Object.keys forgets that the names of a record are its type's.
  const names = Object.keys(parts) as Name[];
  const measured = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let run = 0; run < runs; run++) {
    const order = run % 2 === 0 ? names : names.toReversed();
    for (const name of order) measured.get(name)?.push(await parts[name]());
  }
  // Each name was put in above.
  return Object.fromEntries(measured) as Record<Name, number[]>;
}
