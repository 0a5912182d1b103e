import type { UserId } from "../core/ids.ts";
import { looksLikeUserKey } from "../core/nkey.ts";
import type { Actor, Evidence } from "../core/operations.ts";
import { PROBLEMS, Problem } from "../core/problems.ts";
import type { RequestRefusal } from "../core/records.ts";
import { CERTIFICATE_HEADER, type SignatureParameters } from "../core/request-signature.ts";
import { type ActorFacts, actorFactsOf } from "../core/rules/actors.ts";
import { readToken } from "./bearer.ts";
import { isMutation } from "./body.ts";
import type { Certificates } from "./certificates.ts";
import type { Nonces } from "./nonces.ts";
import type { AppParts, Caller } from "./parts.ts";
import { AnsweredProblem } from "./problem.ts";
import {
  checkCovered,
  checkTimes,
  isSigned,
  type RequestSignature,
  readSignature,
  signableOf,
  signatureIdOf,
  verifySignature,
} from "./signature.ts";

/** Who sends a request, and what proves it. */
export interface Identity {
  readonly actor: Actor;
  /** Of a signed request it still lacks the body, which is read later. */
  readonly evidence: Evidence;
  /** Who asks, with its rights now. */
  readonly viewer: ActorFacts;
  /** What a signed request says of its signature. */
  readonly signature: SignatureParameters | null;
  /** Why enforce would refuse the request, where another mode lets it through. */
  readonly wouldRefuse: RefusedProof | null;
}

/** Why somebody is not who they say they are. */
export type RefusedProof = Problem & { readonly code: RequestRefusal };

/** A request as it is to be authenticated. */
export interface Asking {
  readonly request: Request;
  readonly from: Caller;
  /** Whether a key may ask that is no user's: to become one. */
  readonly strangers: boolean;
}

type Parts = Pick<AppParts, "mode" | "uid" | "startedAt" | "now" | "read"> & {
  /** Takes a request off what its user may send. Throws "too-many-requests". */
  readonly takeUser: (user: UserId) => void;
  readonly certificates: Certificates;
  readonly nonces: Nonces;
};

/** Who asks without saying who it is. */
export const NOBODY: Identity = {
  actor: { kind: "anonymous" },
  evidence: { kind: "none" },
  viewer: { kind: "anonymous" },
  signature: null,
  wouldRefuse: null,
};

/**
 * Makes what decides who sends a request, by its headers alone. At the node's own socket it is the
 * local operator: only its owner can connect there. On the network a signature or a token says who it
 * is, in every mode. Who shows none, or one that does not hold, is refused under enforce and taken for
 * `anonymous` in off and soft (M-065, M-069).
 * It throws a `Problem` of `RequestRefusal`, "too-many-requests" or "node-busy".
 */
export function createAuthentication(parts: Parts): (asking: Asking) => Identity {
  const { mode, uid } = parts;
  const prove = createProver(parts);
  return (asking) => {
    if (asking.from.kind === "socket") {
      return {
        ...NOBODY,
        actor: { kind: "operator" },
        evidence: { kind: "local", uid },
        viewer: { kind: "operator" },
      };
    }
    // In off nobody is expected to show anything.
    if (mode === "off" && showsNothing(asking.request.headers)) return NOBODY;
    try {
      return prove(asking);
    } catch (error) {
      if (mode === "enforce" || !isRefusedProof(error)) throw error;
      return { ...NOBODY, wouldRefuse: error };
    }
  };
}

function showsNothing(headers: Headers): boolean {
  return !isSigned(headers) && !headers.has("authorization");
}

/** The key that a request offers, for the report of refusals: not proved, so nothing else uses it. */
export function offeredKey({ headers }: Request): UserId | "" {
  const [user = ""] = headers.get(CERTIFICATE_HEADER)?.split(".") ?? [];
  return looksLikeUserKey(user) ? user : "";
}

/** Says whether this is why enforce refuses somebody: those problems, and no others, answer 401. */
export function isRefusedProof(error: unknown): error is RefusedProof {
  return error instanceof Problem && PROBLEMS[error.code].status === 401;
}

/** Makes what proves a sender by signature or token. */
function createProver(parts: Parts): (asking: Asking) => Identity {
  const { startedAt, now, read, takeUser, certificates, nonces } = parts;

  function byToken(authorization: string): Identity {
    const token = readToken(authorization, { read, now: now() });
    const actor = { kind: "token", user: token.user, token: token.token } as const;
    const user = read.findUser(token.user);
    if (user?.state !== "active") throw revoked();
    takeUser(token.user);
    const viewer = actorFactsOf(actor, { user, token, at: now() });
    return { ...NOBODY, actor, viewer, evidence: { kind: "token", token: token.token } };
  }

  function bySignature({ request, strangers }: Asking): Identity {
    const signature = readSignature(request.headers);
    const signable = signableOf(request);
    checkCovered(signature, signable);
    const isKnown = isRecorded(request.method, signature);
    checkTimes(signature, { now: now(), since: isKnown ? null : startedAt });
    if (!isKnown && nonces.isForgotten(signature.created)) throw forgotten();
    // Said at once: otherwise whoever saw one request could use up by it what its user may send.
    if (nonces.isUsed(signature)) throw repeated();
    const certified = certificates.find(signature.keyid, signable[CERTIFICATE_HEADER]);
    const base = verifySignature(signature, signable, certified.key);
    const user = read.findUser(certified.user);
    if (!user && !strangers) throw unknownUser();
    if (user && user.state !== "active") throw revoked();
    takeUser(certified.user);
    if (user) {
      // Strangers have room in neither memory: anybody can make keys. Their one route is a mutation.
      certificates.remember(signature.keyid, certified);
      takeNonce(signature);
    }
    const actor = { kind: "user", user: certified.user } as const;
    const { certificate } = certified;
    return {
      actor,
      evidence: { kind: "signature", base, signature: signature.text, certificate, body: "" },
      viewer: actorFactsOf(actor, { user, token: null, at: now() }),
      signature,
      wouldRefuse: null,
    };
  }

  /** Whether the journal has what was signed. It is asked where this node's memory is not enough. */
  function isRecorded(method: string, signature: RequestSignature): boolean {
    const isOld = signature.created * 1000 < startedAt || nonces.isForgotten(signature.created);
    return isOld && isMutation(method) && read.isSignatureUsed(signatureIdOf(signature));
  }

  function takeNonce({ keyid, nonce, created }: RequestSignature): void {
    const taken = nonces.take({ keyid, nonce, created });
    if (taken === "repeated") throw repeated();
    if (taken === "full") {
      throw new AnsweredProblem(
        "node-busy",
        "Cannot answer now: too many requests of this minute",
        {
          "retry-after": "1",
        },
      );
    }
  }

  return (asking) => {
    const { headers } = asking.request;
    const authorization = headers.get("authorization");
    if (!isSigned(headers)) return authorization === null ? unproved() : byToken(authorization);
    if (authorization === null) return bySignature(asking);
    throw new Problem(
      "signature-malformed",
      "Cannot read the signature: the request shows a token too, and one of both is to say who asks",
    );
  };
}

function unproved(): never {
  throw new Problem(
    "unauthenticated",
    "Cannot answer: this node asks for requests that are signed or carry a token",
  );
}

function repeated(): Problem {
  return new Problem(
    "signature-repeated",
    "Cannot accept the signature: a request with its nonce came before",
  );
}

function forgotten(): Problem {
  return new Problem(
    "signature-before-start",
    "Cannot accept the signature: this machine's clock was set back to a time of which this node does not remember the requests; wait until that is over, or restart the node",
  );
}

function unknownUser(): Problem {
  return new Problem(
    "user-unknown",
    "Cannot answer: the key is no user's, an admin admits it or hands out an invite",
  );
}

function revoked(): Problem {
  return new Problem("identity-revoked", "Cannot answer: the user is revoked");
}
