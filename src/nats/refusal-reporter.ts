import { REFUSAL_LINES_PER_SECOND_MAX } from "../core/limits.ts";
import { LOGIN_REFUSALS, type LoginRefusal } from "../core/login.ts";
import { looksLikeUserKey } from "../core/nkey.ts";
import type { Log } from "../system/log.ts";
import { createLogLimit } from "../system/log-limit.ts";
import type { LoginRequest } from "./login-request.ts";
import type { Refusals } from "./refusals.ts";

/** Tells an admin of refused logins, and holds back the answers to sources that repeat themselves. */
export interface RefusalReporter {
  report(request: LoginRequest, reason: LoginRefusal, admitted: boolean): void;
  /** Gives the answer at once or later; later ones never once `answerHeld` was called. */
  answerLate(request: LoginRequest, reply: () => void): void;
  /** Gives all answers that are held back: at its end, nats-server waits for each of them. */
  answerHeld(): void;
}

export function createRefusalReporter(input: {
  readonly refusals: Refusals;
  readonly log: Log;
  readonly now: () => number;
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

  return {
    report(request, reason, admitted) {
      const { address } = request;
      const user = offeredKey(request);
      refusals.record({ at: now(), kind: "login", reason, address, user, subject: "", admitted });
      const verb = admitted ? "enforce would have refused a login" : "a login was refused";
      const message = `${verb}: ${LOGIN_REFUSALS[reason]}`;
      limit.say(() => log.warn("login.refused", message, { reason, address, user }));
    },
    answerLate(request, reply) {
      const { address } = request;
      const delayMs = refusals.delayMs({ address, user: offeredKey(request), at: now() });
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
    },
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

/** The key that was offered, if it has the form of one: a log or counter takes no other text. */
function offeredKey(request: LoginRequest): string {
  const { nkey } = request.credentials;
  return looksLikeUserKey(nkey) ? nkey : "";
}
