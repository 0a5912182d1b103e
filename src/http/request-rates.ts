import type { UserId } from "../core/ids.ts";
import { RATES_KEPT_MAX } from "../core/limits.ts";
import { rateKey } from "./client-address.ts";
import type { AppParts, Caller } from "./parts.ts";
import { AnsweredProblem } from "./problem.ts";
import { createRates } from "./rates.ts";

/** Takes each request off what its sender may send. Throws "too-many-requests". */
export interface RequestRates {
  /** By address, before it is known who asks: the node's own socket has no limit. */
  takeAddress(from: Caller): void;
  takeUser(user: UserId): void;
}

export function createRequestRates({ rates, now }: Pick<AppParts, "rates" | "now">): RequestRates {
  const kept = { keptMax: RATES_KEPT_MAX, now };
  const { addressPerSecond, addressBurst, userPerSecond, userBurst } = rates;
  const addresses = createRates({ perSecond: addressPerSecond, burst: addressBurst, ...kept });
  const users = createRates({ perSecond: userPerSecond, burst: userBurst, ...kept });
  return {
    takeAddress(from) {
      if (from.kind === "tcp") refuseWait(addresses.take(rateKey(from.address)), "this address");
    },
    takeUser: (user) => refuseWait(users.take(user), "this user"),
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
