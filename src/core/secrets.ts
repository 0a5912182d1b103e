import { type InviteId, isInviteId, isTokenId, type TokenId } from "./ids.ts";

// The id in front tells which one it is, so that no secret is ever looked up: only compared.
const TOKEN = /^ubt_([a-z2-7]{26})_([A-Za-z0-9_-]{43})$/;
const INVITE = /^ubi_([a-z2-7]{26})_([A-Za-z0-9_-]{43})$/;

/** A bearer token in its two parts. The secret is 32 bytes in base64url. */
export interface TokenText {
  readonly token: TokenId;
  readonly secret: string;
}

/** An invite in its two parts. The secret is the 32 bytes of an Ed25519 seed, in base64url. */
export interface InviteText {
  readonly invite: InviteId;
  readonly secret: string;
}

/** Reads a bearer token, or null. */
export function parseTokenText(text: string): TokenText | null {
  const [, token = "", secret = ""] = TOKEN.exec(text) ?? [];
  return isTokenId(token) ? { token, secret } : null;
}

/** Renders a bearer token, as its owner is shown it once. */
export function renderTokenText({ token, secret }: TokenText): string {
  return `ubt_${token}_${secret}`;
}

/** Reads an invite, or null. */
export function parseInviteText(text: string): InviteText | null {
  const [, invite = "", secret = ""] = INVITE.exec(text) ?? [];
  return isInviteId(invite) ? { invite, secret } : null;
}

/** Renders an invite, as its maker hands it over. */
export function renderInviteText({ invite, secret }: InviteText): string {
  return `ubi_${invite}_${secret}`;
}
