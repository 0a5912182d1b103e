/** When another node was asked for its time, when it answered, and what it said; all ms since epoch. */
export interface ClockSample {
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly theirs: number;
}

/**
 * How far this node's clock is before that of its peers, by their median, in ms; negative when it is
 * behind, null without peers. With two nodes nobody can say which one is wrong: both are.
 */
export function clockOffset(samples: readonly ClockSample[]): number | null {
  const offsets = samples
    // The answer was given at some time between the two; half way is never off by more than half.
    .map(({ askedAt, answeredAt, theirs }) => (askedAt + answeredAt) / 2 - theirs)
    .sort((one, other) => one - other);
  const [low, high] = [offsets[(offsets.length - 1) >> 1], offsets[offsets.length >> 1]];
  return low === undefined || high === undefined ? null : Math.round((low + high) / 2);
}
