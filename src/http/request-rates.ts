import type { UserId } from "../core/ids.ts";
import { BURST_PER_CHANGE, RATES_KEPT_MAX, REQUESTS_PER_CHANGE } from "../core/limits.ts";
import type { Commit } from "../core/operations.ts";
import { createRates } from "../core/rates.ts";
import { rateKey } from "./client-address.ts";
import type { AppParts, Caller } from "./parts.ts";
import { AnsweredProblem } from "./problem.ts";

/** Takes each request off what its sender may send. Throws "too-many-requests". */
export interface RequestRates {
  /** By address, before it is known who asks: the node's own socket has no limit. */
  takeAddress(from: Caller): void;
  takeUser(user: UserId): void;
  /**
   * Makes a commit that counts changes, each of which stays in the journal for good, or is decided in
   * vain: a user may ask for fewer of them than requests. A new key in a user's place goes on where the old one
   * stood. Throws "too-many-requests" before anything is written.
   */
  counted(commit: Commit): Commit;
}

export function createRequestRates({
  rates,
  elapsed,
}: Pick<AppParts, "rates" | "elapsed">): RequestRates {
  const kept = { keptMax: RATES_KEPT_MAX, now: elapsed };
  const { addressPerSecond, addressBurst, userPerSecond, userBurst } = rates;
  const addresses = createRates({ perSecond: addressPerSecond, burst: addressBurst, ...kept });
  const users = createRates({ perSecond: userPerSecond, burst: userBurst, ...kept });
  const changes = createRates({
    perSecond: userPerSecond / REQUESTS_PER_CHANGE,
    burst: Math.ceil(userBurst / BURST_PER_CHANGE),
    ...kept,
  });
  return {
    takeAddress(from) {
      if (from.kind === "tcp") refuseWait(addresses.take(rateKey(from.address)), "this address");
    },
    takeUser: (user) => refuseWait(users.take(user), "this user"),
    counted: (commit) => async (operation) => {
      const { actor, change } = operation;
      if (actor.kind === "anonymous") refuseWait(changes.take(actor.kind), "who is not known here");
      else if (actor.kind !== "operator") refuseWait(changes.take(actor.user), "this user");
      const committed = await commit(operation);
      const isReplaced =
        change.kind === "user.replace-key" && committed.outcome.status === "applied";
      // Otherwise a user would have another burst with each key it makes.
      if (isReplaced) for (const one of [users, changes]) one.follow(change.by, change.user);
      return committed;
    },
  };
}

function refuseWait(waitMs: number, whose: string): void {
  if (waitMs === 0) return;
  const seconds = Math.ceil(waitMs / 1000);
  throw new AnsweredProblem(
    "too-many-requests",
    `Cannot answer now: ${whose} sent more than it may, wait ${seconds} s`,
    { "retry-after": `${seconds}` },
  );
}
