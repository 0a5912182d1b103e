import { createHash, type KeyObject, verify } from "node:crypto";
import { type OperationId, operationIdOfDigest } from "../core/ids.ts";
import { SIGNATURE_LIFE_MS_MAX, SIGNATURE_SKEW_MS_MAX } from "../core/limits.ts";
import { Problem } from "../core/problems.ts";
import {
  authorityOf,
  CERTIFICATE_HEADER,
  COVERED_HEADERS,
  componentsOf,
  renderSignatureBase,
  SIGNATURE_ALGORITHM,
  SIGNATURE_TAG,
  type SignableRequest,
  type SignatureParameters,
} from "../core/request-signature.ts";
import { hasBody } from "./body.ts";
import { AnsweredProblem } from "./problem.ts";

/** A signature as a request carries it, read and not verified. */
export interface RequestSignature extends SignatureParameters {
  /** The value of `signature-input`, less its label. */
  readonly input: string;
  readonly components: readonly string[];
  readonly bytes: Uint8Array;
  /** The bytes in base64, as they came. */
  readonly text: string;
}

const LABEL = "([a-z*][a-z0-9_.*-]*)";
const NAMES = '"[a-z0-9@-]+"(?: "[a-z0-9@-]+")*';
const PARAMETER = ';[a-z]+=(?:0|[1-9][0-9]{0,14}|"[A-Za-z0-9_/-]*")';
/** One signature in the one way that RFC 9651 writes it, as far as the profile needs it. */
const INPUT = new RegExp(`^${LABEL}=(\\((${NAMES})\\)((?:${PARAMETER})+))$`);
const SECONDS = "(0|[1-9][0-9]{0,14})";
/** What the signature has to say of itself, in any order. */
const WORDS = [
  `created=${SECONDS}`,
  `expires=${SECONDS}`,
  'nonce="([A-Za-z0-9_-]{22,64})"',
  'keyid="([A-Za-z0-9_-]{43})"',
  `alg="${SIGNATURE_ALGORITHM}"`,
  `tag="${SIGNATURE_TAG}"`,
];
/** Each of the words is there, and there are no more than they are: so none is there twice. */
const PARAMETERS = new RegExp(
  `^${WORDS.map((word) => `(?=.*;${word}(?:;|$))`).join("")}(?:;[^;]+){${WORDS.length}}$`,
);
/** The same in the order of our own client, which is found without looking for each. */
const USUAL_PARAMETERS = new RegExp(`^;${WORDS.join(";")}$`);
/** 64 bytes in base64: the last character has four bits that say nothing. */
const SIGNATURE = new RegExp(`^${LABEL}=:([A-Za-z0-9+/]{85}[AQgw]==):$`);
/** Tells by how many milliseconds the clock of whoever signed is behind ours. */
const SKEW_HEADER = "unibus-skew-ms";

/** Says whether a request claims to be signed. */
export function isSigned(headers: Headers): boolean {
  return headers.has("signature") || headers.has("signature-input");
}

/**
 * Reads the one signature of a request in the strict profile. What the RFCs let be written in several
 * ways has one here, so there is nothing to be read in two ways: three expressions do it, in a
 * fraction of the time of a parser for all of RFC 9651, which tests compare them with.
 * Throws "signature-malformed". Source: RFC 9421, sections 4.1 and 4.2.
 */
export function readSignature(headers: Headers): RequestSignature {
  const [, label, input, names, parameters] =
    INPUT.exec(headers.get("signature-input") ?? "") ?? [];
  if (!label || !input || !names || !parameters) {
    throw malformed(
      "signature-input has to be one signature, written label=(components);parameters",
    );
  }
  const said = USUAL_PARAMETERS.exec(parameters) ?? PARAMETERS.exec(parameters);
  const [, created, expires, nonce, keyid] = said ?? [];
  if (!created || !expires || !nonce || !keyid) {
    throw malformed(
      `it has to have whole seconds as created and expires, 22 to 64 characters as nonce, 32 bytes as keyid, alg="${SIGNATURE_ALGORITHM}", tag="${SIGNATURE_TAG}", and no other parameter`,
    );
  }
  const [, signatureLabel, text] = SIGNATURE.exec(headers.get("signature") ?? "") ?? [];
  if (!text)
    throw malformed("signature has to be one signature, written label=:64 bytes in base64:");
  if (label !== signatureLabel) throw malformed("its two headers have different labels");
  return {
    created: Number(created),
    expires: Number(expires),
    nonce,
    keyid,
    input,
    components: names.slice(1, -1).split('" "'),
    bytes: Buffer.from(text, "base64"),
    text,
  };
}

/**
 * Takes from a request what can be signed of it. A body is one that the headers announce: its digest
 * has to be there before anybody reads it.
 * Throws "signature-incomplete" or "signature-malformed" when digest and body do not go together.
 */
export function signableOf(request: Request): SignableRequest {
  const { headers, method } = request;
  const { pathname, search, protocol } = new URL(request.url);
  const digest = headers.get("content-digest");
  const isWithBody = hasBody(request);
  if (isWithBody && digest === null) {
    throw incomplete("the request has a body, and no content-digest of it");
  }
  if (!isWithBody && digest !== null) {
    throw malformed("the request has a content-digest, and no body");
  }
  return {
    "@method": method,
    "@authority": authorityOf(
      headers.get("host") ?? "",
      protocol === "https:" ? protocol : "http:",
    ),
    "@path": pathname,
    "@query": search === "" ? "?" : search,
    "content-digest": digest,
    "idempotency-key": headers.get("idempotency-key"),
    "if-match": headers.get("if-match"),
    [CERTIFICATE_HEADER]: headers.get(CERTIFICATE_HEADER),
  };
}

/**
 * Refuses a signature that does not cover exactly what it has to of this request.
 * Throws "signature-incomplete" when a part is left out, "signature-malformed" when one is too many.
 */
export function checkCovered(signature: RequestSignature, request: SignableRequest): void {
  const needed: readonly string[] = componentsOf(request);
  if (needed.join() === signature.components.join()) return;
  const covered = new Set(signature.components);
  if (covered.size !== signature.components.length) throw malformed("a component is there twice");
  for (const name of needed) if (!covered.delete(name)) throw incomplete(`it leaves out "${name}"`);
  const [other] = covered;
  if (other === undefined) return;
  const isAbsent = COVERED_HEADERS.some((name) => name === other);
  throw malformed(
    isAbsent ? `it covers "${other}", which the request does not have` : "it covers too much",
  );
}

/**
 * Refuses a signature that is not of now. `since` (ms since the epoch) is from when on this node knows
 * which nonces were used, where nothing else knows it. Throws "signature-malformed",
 * "signature-long-lived", "signature-future", "signature-expired" or "signature-before-start".
 */
export function checkTimes(
  { created, expires }: RequestSignature,
  { now, since }: { readonly now: number; readonly since: number | null },
): void {
  if (expires <= created) throw malformed("it expires before it is created");
  if ((expires - created) * 1000 > SIGNATURE_LIFE_MS_MAX) {
    throw new Problem(
      "signature-long-lived",
      `Cannot accept the signature: it may expire ${SIGNATURE_LIFE_MS_MAX / 1000} seconds after it is created, and not later`,
    );
  }
  const skew = { [SKEW_HEADER]: `${now - created * 1000}` };
  if (created * 1000 > now + SIGNATURE_SKEW_MS_MAX) {
    throw new AnsweredProblem(
      "signature-future",
      "Cannot accept the signature: by this node's clock it was not created yet",
      skew,
    );
  }
  if (expires * 1000 <= now) {
    throw new AnsweredProblem(
      "signature-expired",
      "Cannot accept the signature: by this node's clock it has expired",
      skew,
    );
  }
  if (since !== null && created * 1000 < since) {
    throw new Problem(
      "signature-before-start",
      "Cannot accept the signature: it is older than this node's start, sign the request anew",
    );
  }
}

/** Verifies a signature. Returns what was signed. Throws "signature-wrong". */
export function verifySignature(
  signature: RequestSignature,
  request: SignableRequest,
  key: KeyObject,
): string {
  const base = renderSignatureBase(request, signature.components, signature.input);
  if (verify(null, Buffer.from(base), key, signature.bytes)) return base;
  throw new Problem("signature-wrong", "Cannot accept the signature: it is not this key's over it");
}

/** Names a signature by key and nonce, as the journal remembers it. */
export function signatureIdOf({ keyid, nonce }: SignatureParameters): string {
  return createHash("sha256").update(`${keyid}\n${nonce}`).digest("hex");
}

/** The id of the operation that a signed request asks for, when its caller gave it no name. */
export function signedOperationId({ keyid, nonce }: SignatureParameters): OperationId {
  const id = createHash("sha256").update(`signature\n${keyid}\n${nonce}`).digest("hex");
  return operationIdOfDigest(id);
}

function malformed(why: string): Problem {
  return new Problem("signature-malformed", `Cannot read the signature: ${why}`);
}

function incomplete(why: string): Problem {
  return new Problem("signature-incomplete", `Cannot accept the signature: ${why}`);
}
