/** A nonce that was used, by which key, and when (ms since the epoch) its signature ends. */
export interface UsedNonce {
  readonly keyid: string;
  readonly nonce: string;
  readonly expiresAt: number;
}

/** Remembers which nonces were used, until their signatures are worth nothing any more. */
export interface Nonces {
  /** Says whether a key used a nonce before. */
  isUsed(nonce: Omit<UsedNonce, "expiresAt">): boolean;
  /** Takes a nonce for good. What does not fit is not taken: one forgotten early could be used again. */
  take(used: UsedNonce): "taken" | "repeated" | "full";
}

/** Makes the memory of a node; that of mutations lasts longer, in the journal. */
export function createNonces(options: {
  readonly keptMax: number;
  readonly now: () => number;
}): Nonces {
  const { keptMax, now } = options;
  const used = new Set<string>();
  /** The same by the second they are forgotten in, so that forgetting costs no search. */
  const bySecond = new Map<number, string[]>();
  let forgottenAt = 0;

  function forget(second: number): void {
    if (second === forgottenAt) return;
    forgottenAt = second;
    for (const [expires, names] of bySecond) {
      if (expires > second) continue;
      for (const name of names) used.delete(name);
      bySecond.delete(expires);
    }
  }

  return {
    isUsed(nonce) {
      forget(Math.floor(now() / 1000));
      return used.has(nameOf(nonce));
    },
    take({ expiresAt, ...nonce }) {
      forget(Math.floor(now() / 1000));
      const name = nameOf(nonce);
      if (used.has(name)) return "repeated";
      if (used.size >= keptMax) return "full";
      used.add(name);
      const second = Math.ceil(expiresAt / 1000);
      const others = bySecond.get(second);
      if (others) others.push(name);
      else bySecond.set(second, [name]);
      return "taken";
    },
  };
}

function nameOf({ keyid, nonce }: Omit<UsedNonce, "expiresAt">): string {
  return `${keyid} ${nonce}`;
}
