import { Problem, type ProblemCode } from "../core/problems.ts";

/** What whoever is refused far from the node can do about it. */
const ADVICE: Partial<Readonly<Record<ProblemCode, string>>> = {
  "user-unknown": "an admin runs: unibus user add, or unibus invite create",
  "identity-revoked":
    "log in with the new key if it was replaced; an admin lets it in again with: unibus user restore",
  "signature-expired": "set this machine's clock",
  "signature-future": "set this machine's clock",
  "certificate-wrong": "log in again, to the bus that is meant",
  "token-wrong": "where its user's key is, unibus token create makes one; log in with that",
  "token-expired": "where its user's key is, unibus token create makes one; log in with that",
  "host-unknown": "its operator has to add this name with --public-url",
};

/** Adds to a problem what can be done about it here, by whoever holds the key of `user`. */
export function advise(problem: Problem, user?: string): Problem {
  const advice =
    problem.code === "user-unknown" && user !== undefined
      ? `an admin runs: unibus user add ${user}, or unibus invite create`
      : ADVICE[problem.code];
  if (advice === undefined) return problem;
  return new Problem(problem.code, `${problem.detail}; ${advice}`, { cause: problem });
}

/** Does something with a node elsewhere; a problem of it is told with what can be done about it. */
export async function advised<Result>(work: () => Promise<Result>, user?: string): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Problem ? advise(error, user) : error;
  }
}
