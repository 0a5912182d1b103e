import {
  RATES_KEPT_MAX,
  REFUSAL_LINES_PER_SECOND_MAX,
  STRANGER_LOGINS_BURST,
  STRANGER_LOGINS_PER_SECOND,
} from "../core/limits.ts";
import { LOGIN_REFUSALS, type LoginRefusal, provesNothing } from "../core/login.ts";
import { looksLikeUserKey } from "../core/nkey.ts";
import { createRates } from "../core/rates.ts";
import type { Log } from "../system/log.ts";
import { createLogLimit } from "../system/log-limit.ts";
import type { LoginRequest } from "./login-request.ts";
import type { Refusals } from "./refusals.ts";

/** Tells an admin of refused logins, and holds back the answers to sources that repeat themselves. */
export interface RefusalReporter {
  /**
   * Tells of a refusal and gives its answer, at once or later; later ones never once `answerHeld` was
   * called. Whoever proved a key is held back for refusals under that key alone; all others for those
   * of their address, and beyond its rate they are only counted and answered at once: what is held
   * back costs nats-server memory, and many strangers wait for no answer.
   */
  refuse(request: LoginRequest, reason: LoginRefusal, reply: () => void): void;
  /** Tells of a login that was admitted, and that enforce would have refused. */
  tellAdmitted(request: LoginRequest, reason: LoginRefusal): void;
  /** Counts a request that is dropped: nobody waits for an answer. */
  countLate(): void;
  /** Gives all answers that are held back: at its end, nats-server waits for each of them. */
  answerHeld(): void;
}

export function createRefusalReporter(input: {
  readonly refusals: Refusals;
  readonly log: Log;
  /** Milliseconds since epoch. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly elapsed: () => number;
}): RefusalReporter {
  const { refusals, log, now } = input;
  const held = new Map<NodeJS.Timeout, () => void>();
  let stopping = false;
  const limit = createLogLimit({
    log,
    what: "refused logins",
    perSecondMax: REFUSAL_LINES_PER_SECOND_MAX,
    now,
  });
  const strangers = createRates({
    perSecond: STRANGER_LOGINS_PER_SECOND,
    burst: STRANGER_LOGINS_BURST,
    keptMax: RATES_KEPT_MAX,
    now: input.elapsed,
  });

  /** Returns false where the login was only counted. */
  function tell(request: LoginRequest, reason: LoginRefusal, admitted: boolean): boolean {
    const { address } = request;
    if (provesNothing(reason) && strangers.take(address) > 0) {
      refusals.count({ kind: "login", reason, admitted });
      return false;
    }
    const user = offeredKey(request);
    refusals.record({ at: now(), kind: "login", reason, address, user, subject: "", admitted });
    const verb = admitted ? "enforce would have refused a login" : "a login was refused";
    const message = `${verb}: ${LOGIN_REFUSALS[reason]}`;
    limit.say(() => log.warn("login.refused", message, { reason, address, user }));
    return true;
  }

  function answerLate(source: string, reply: () => void): void {
    const delayMs = refusals.delayMs({ source, at: input.elapsed() });
    if (delayMs === 0 || stopping) {
      reply();
      return;
    }
    refusals.delayed(1);
    const timer = setTimeout(() => {
      held.delete(timer);
      refusals.delayed(-1);
      reply();
    }, delayMs);
    held.set(timer, reply);
  }

  return {
    refuse(request, reason, reply) {
      if (!tell(request, reason, false)) reply();
      else answerLate(sourceOf(request, reason), reply);
    },
    tellAdmitted: (request, reason) => void tell(request, reason, true),
    countLate: () => refusals.count({ kind: "login", reason: "request-late", admitted: false }),
    answerHeld() {
      stopping = true;
      for (const [timer, reply] of held) {
        clearTimeout(timer);
        reply();
      }
      held.clear();
    },
  };
}

/** Whose repetitions an answer is held back for: the proved key's, or else the address's. */
function sourceOf(request: LoginRequest, reason: LoginRefusal): string {
  const { address, credentials } = request;
  return provesNothing(reason) ? `address ${address}` : `user ${credentials.nkey}`;
}

/** The key that was offered, if it has the form of one: a log or counter takes no other text. */
function offeredKey(request: LoginRequest): string {
  const { nkey } = request.credentials;
  return looksLikeUserKey(nkey) ? nkey : "";
}
