import { Problem, type ProblemCode } from "../core/problems.ts";

/** What whoever is refused far from the node can do about it. */
const ADVICE: Partial<Readonly<Record<ProblemCode, string>>> = {
  "user-unknown": "have an admin admit it with: unibus user add, or use an invite: unibus join",
  "identity-revoked": "an admin lets it in again with: unibus user restore",
  "signature-expired": "set this machine's clock",
  "signature-future": "set this machine's clock",
  "certificate-wrong": "log in again, to the bus that is meant",
  "token-wrong": "make a new one with: unibus token create, and log in with it",
  "token-expired": "make a new one with: unibus token create, and log in with it",
  "host-unknown": "its operator has to add this name with --public-url",
};

/** Adds to a problem what can be done about it here. */
export function advise(problem: Problem): Problem {
  const advice = ADVICE[problem.code];
  if (advice === undefined) return problem;
  return new Problem(problem.code, `${problem.detail}; ${advice}`, { cause: problem });
}
