import type { NodeSettings } from "../config/load.ts";
import type { Refusals } from "../nats/refusals.ts";
import type { Violation } from "../nats/server-log.ts";
import type { Log } from "../system/log.ts";
import { createLogLimit } from "../system/log-limit.ts";

/** Says which rooms this node lets in. */
export function announceRooms(facts: {
  readonly plainRooms: boolean;
  readonly loopback: boolean;
  readonly log: Log;
}): void {
  const { plainRooms, loopback, log } = facts;
  if (!plainRooms) {
    log.info(
      "rooms.encrypted-only",
      "cleartext rooms: DISABLED (public bind requires end-to-end encryption)",
    );
  } else if (!loopback) {
    log.warn(
      "rooms.plain-allowed",
      "cleartext rooms: ALLOWED on a public bind (--allow-plain-rooms); this host can read what is said in them",
    );
  }
}

/** Says which secrets of the settings other users of this machine could have seen. */
export function warnOfSecrets({ secretsInArgv }: NodeSettings, log: Log): void {
  for (const flag of secretsInArgv) {
    log.warn(
      "secret.in-argv",
      `${flag} puts a secret where every user of this machine can see it; use the variable or a file instead`,
      { flag },
    );
  }
}

/** Records what nats-server refused to a client that is in: its own log is all that tells it. */
export function violationReporter(refusals: Refusals, log: Log): (violation: Violation) => void {
  const now = (): number => Date.now();
  const limit = createLogLimit({ log, what: "refused subjects", perSecondMax: 20, now });
  return ({ kind, address, user, subject }) => {
    const reason = "no-right";
    refusals.record({ at: now(), kind, reason, address, user, subject, admitted: false });
    const verb = kind === "publish" ? "publish to" : "subscription of";
    limit.say(() =>
      log.warn(
        "subject.refused",
        `a ${verb} "${subject}" was refused: the user has no right to it`,
        { reason, address, user, subject },
      ),
    );
  };
}
