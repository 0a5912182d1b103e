/** Counts what each key asks for. */
export interface Rates {
  /** Takes one request of a key: 0 when it may go on, else the milliseconds until it may. */
  take(key: string): number;
  /** Lets `key` go on where another one stands, as far as that is known. */
  follow(key: string, other: string): void;
}

/** Buckets looked at with each request, to forget those that are full. */
const SWEPT_PER_TAKE = 2;
/** What sums of fractions may be off by. */
const ROUNDING_MS = 0.001;

/**
 * Makes a token bucket for each key: `burst` at once, and `perSecond` for as long as it likes. A
 * refused request takes nothing.
 *
 * At most `keptMax` buckets are kept. Only a full one is ever forgotten, because it is the same as
 * none: so nobody empties a bucket and gets a new one by asking under many other keys. With each
 * request two buckets are looked at, in turn, more than it can add; so there is room unless about
 * half of all are in use, which takes `keptMax * perSecond / 2` requests in a second, more than a node
 * answers. Should it come to that, the keys without a bucket share one, and those who have their own
 * keep it.
 */
export function createRates(options: {
  readonly perSecond: number;
  readonly burst: number;
  readonly keptMax: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly now: () => number;
}): Rates {
  const { burst, keptMax, now } = options;
  const tokenMs = 1000 / options.perSecond;
  const emptyMs = burst * tokenMs;
  // Times count from here on: large ones hold no parts of a millisecond.
  const startedAt = now();
  /** When each bucket will be full again, ms. */
  const fullAt = new Map<string, number>();
  let sharedFullAt = Number.NEGATIVE_INFINITY;
  let sweep = fullAt.entries();

  function forgetFull(at: number): void {
    for (let looked = 0; looked < SWEPT_PER_TAKE; looked++) {
      const next = sweep.next();
      if (next.done) {
        sweep = fullAt.entries();
        return;
      }
      const [key, full] = next.value;
      if (full <= at) fullAt.delete(key);
    }
  }

  return {
    take(key) {
      const at = now() - startedAt;
      forgetFull(at);
      const own = fullAt.get(key);
      const shared = own === undefined && fullAt.size >= keptMax;
      const full = Math.max(shared ? sharedFullAt : (own ?? at), at);
      const waitMs = full + tokenMs - at - emptyMs;
      const refused = waitMs > ROUNDING_MS;
      const after = refused ? full : full + tokenMs;
      if (shared) sharedFullAt = after;
      else fullAt.set(key, after);
      return refused ? Math.ceil(waitMs) : 0;
    },
    follow(key, other) {
      const full = fullAt.get(other);
      if (full !== undefined && fullAt.size < keptMax) fullAt.set(key, full);
    },
  };
}
