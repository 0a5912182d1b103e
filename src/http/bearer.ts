import { createHash, timingSafeEqual } from "node:crypto";
import { Problem } from "../core/problems.ts";
import type { TokenRecord } from "../core/records.ts";
import { parseTokenText } from "../core/secrets.ts";
import type { Reads } from "./parts.ts";

/** What is compared where there is no such token, so that it takes as long. */
const NO_HASH = Buffer.alloc(32);

/**
 * Finds the token that `authorization` shows. Which part of it is wrong is told to nobody, and only
 * whoever holds the secret learns that it has expired.
 * Throws "token-wrong" or "token-expired". Source: RFC 6750, section 2.1.
 */
export function readToken(
  authorization: string,
  { read, now }: { readonly read: Pick<Reads, "findToken">; readonly now: number },
): TokenRecord {
  const [, text = ""] = /^bearer +(\S+)$/i.exec(authorization) ?? [];
  const shown = parseTokenText(text);
  const found = shown && read.findToken(shown.token);
  const hash = createHash("sha256")
    .update(shown?.secret ?? "")
    .digest();
  const isRight = timingSafeEqual(hash, found ? Buffer.from(found.hash, "hex") : NO_HASH);
  if (!found || !isRight) {
    throw new Problem("token-wrong", "Cannot accept the token: this bus has none like it");
  }
  if (found.expiresAt <= now) {
    throw new Problem("token-expired", "Cannot accept the token: it has expired, make another");
  }
  return found;
}
