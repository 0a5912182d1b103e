import type { KeyObject } from "node:crypto";
import { fromBase64url } from "../core/base64url.ts";
import { domainBytes } from "../core/domain.ts";
import type { UserId } from "../core/ids.ts";
import { isUsableKey, looksLikeUserKey, readUserKey } from "../core/nkey.ts";
import { Problem } from "../core/problems.ts";
import { CERTIFICATE_HEADER } from "../core/request-signature.ts";
import { keyObjectOf, verifyEd25519 } from "./ed25519.ts";

/** An API key that a user's nkey vouched for. */
export interface CertifiedKey {
  readonly user: UserId;
  readonly certificate: string;
  readonly key: KeyObject;
}

/** The API keys that this node knows. */
export interface Certificates {
  /**
   * Finds the key of a `keyid`: the known one, or that of the certificate which came with it. What is
   * found so is not known yet: anybody can make certificates.
   * Throws "signature-malformed", "key-unusable", "key-unknown" or "certificate-wrong".
   */
  find(keyid: string, certificate: string | null): CertifiedKey;
  /** Keeps a key, once a user of ours signed with it; the oldest makes room. */
  remember(keyid: string, key: CertifiedKey): void;
}

export function createCertificates(options: {
  readonly busId: () => string;
  readonly keptMax: number;
}): Certificates {
  const { keptMax } = options;
  const known = new Map<string, CertifiedKey>();
  return {
    find(keyid, certificate) {
      const found = known.get(keyid);
      if (found && (certificate === null || certificate === found.certificate)) return found;
      const bytes = readKeyid(keyid);
      if (certificate !== null) {
        return readCertificate(certificate, { busId: options.busId(), bytes });
      }
      throw new Problem(
        "key-unknown",
        `Cannot use the key: this node does not know it yet, send its certificate in ${CERTIFICATE_HEADER}`,
      );
    },
    remember(keyid, key) {
      if (known.get(keyid) === key) return;
      known.delete(keyid);
      const [oldest] = known.keys();
      if (known.size >= keptMax && oldest !== undefined) known.delete(oldest);
      known.set(keyid, key);
    },
  };
}

function readKeyid(keyid: string): Uint8Array {
  const bytes = fromBase64url(keyid);
  if (bytes?.length !== 32) {
    throw new Problem(
      "signature-malformed",
      "Cannot read the signature: its keyid has to be 32 bytes in base64url without padding",
    );
  }
  // Under a point of small order one signature is everybody's: it is not even tried.
  if (!isUsableKey(bytes)) {
    throw new Problem("key-unusable", "Cannot use the key: it is no usable point of the curve");
  }
  return bytes;
}

function readCertificate(
  certificate: string,
  { busId, bytes }: { readonly busId: string; readonly bytes: Uint8Array },
): CertifiedKey {
  const dot = certificate.indexOf(".");
  const user = certificate.slice(0, dot);
  const nkey = readUserKey(user);
  if ("code" in nkey || !looksLikeUserKey(user)) {
    throw certificateWrong("it does not begin with a user's public key and a point");
  }
  const data = domainBytes("api-key", busId, bytes);
  const signature = certificate.slice(dot + 1);
  if (!verifyEd25519({ publicKey: nkey.bytes, data, signature })) {
    throw certificateWrong("this user did not sign it for this key and this bus");
  }
  return { user, certificate, key: keyObjectOf(bytes) };
}

function certificateWrong(why: string): Problem {
  return new Problem("certificate-wrong", `Cannot use the certificate of the key: ${why}`);
}
