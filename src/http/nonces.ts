import { NONCE_GAPS_MAX, NONCE_KEPT_MS } from "../core/limits.ts";

/** A nonce that was used, by which key, and when its signature says that it was made (s since the epoch). */
export interface UsedNonce {
  readonly keyid: string;
  readonly nonce: string;
  readonly created: number;
}

/** Remembers which nonces were used, while their signatures can be worth something. */
export interface Nonces {
  /** Says whether a key used a nonce before. */
  isUsed(nonce: Pick<UsedNonce, "keyid" | "nonce">): boolean;
  /** Says whether a nonce of a signature that was made then may have been used, and was forgotten. */
  isForgotten(created: number): boolean;
  /** Takes a nonce for good. What does not fit is not taken: one forgotten early could be used again. */
  take(used: UsedNonce): "taken" | "repeated" | "full";
}

/** Times in seconds since the epoch, both included. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Makes the memory of a node; that of mutations lasts longer, in the journal. `elapsed` is in ms, of a clock
 * that nobody sets: a nonce is kept for as long as its signature can be accepted while the machine's clock
 * goes right. Where that was set back, signatures of a time that is over can be accepted again. So the times
 * are remembered in which those were made that are forgotten.
 */
export function createNonces(options: {
  readonly keptMax: number;
  readonly elapsed: () => number;
}): Nonces {
  const { keptMax, elapsed } = options;
  const used = new Set<string>();
  /** The same by the second they were taken in, so that forgetting costs no search. */
  const bySecond = new Map<number, { readonly names: string[]; made: Span }>();
  let forgotten: readonly Span[] = [];
  let lookedAt = Number.NEGATIVE_INFINITY;

  function forget(): void {
    const second = secondOf(elapsed());
    if (second === lookedAt) return;
    lookedAt = second;
    for (const [taken, { names, made }] of bySecond) {
      if (second - taken <= NONCE_KEPT_MS / 1000) break;
      for (const name of names) used.delete(name);
      bySecond.delete(taken);
      forgotten = joined([...forgotten, made]);
    }
  }

  return {
    isUsed(nonce) {
      forget();
      return used.has(nameOf(nonce));
    },
    isForgotten(created) {
      forget();
      return forgotten.some(({ from, to }) => from <= created && created <= to);
    },
    take({ created, ...nonce }) {
      forget();
      const name = nameOf(nonce);
      if (used.has(name)) return "repeated";
      if (used.size >= keptMax) return "full";
      used.add(name);
      const second = secondOf(elapsed());
      const others = bySecond.get(second);
      if (others) {
        others.names.push(name);
        others.made = spanOf(others.made, { from: created, to: created });
      } else {
        bySecond.set(second, { names: [name], made: { from: created, to: created } });
      }
      return "taken";
    },
  };
}

/** Joins the spans that are nearest to each other, until they are few. */
function joined(spans: readonly Span[]): readonly Span[] {
  const sorted = spans.toSorted((one, other) => one.from - other.from);
  while (sorted.length > 1) {
    const gaps = sorted.slice(1).map(({ from }, at) => from - (sorted[at]?.to ?? from));
    const least = Math.min(...gaps);
    if (least > 0 && sorted.length <= NONCE_GAPS_MAX) break;
    const [one, other] = sorted.slice(gaps.indexOf(least));
    if (!one || !other) break;
    sorted.splice(gaps.indexOf(least), 2, spanOf(one, other));
  }
  return sorted;
}

function spanOf(one: Span, other: Span): Span {
  return { from: Math.min(one.from, other.from), to: Math.max(one.to, other.to) };
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000);
}

function nameOf({ keyid, nonce }: Pick<UsedNonce, "keyid" | "nonce">): string {
  return `${keyid} ${nonce}`;
}
