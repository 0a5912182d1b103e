const SHOWN_CHARS_MAX = 80;
// Also a seed that lost some characters: what remains is still most of a secret.
const SEED = /S[A-Z][A-Z2-7]{20,}/g;
const TOKEN_OR_INVITE = /ub[ti]_[A-Za-z0-9_-]{10,}/g;
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * Renders a value that a person gave for one line of an error message: in quotes, short, without
 * control characters, nkey seeds, tokens, invites and what stands before the @ of an address.
 */
export function quote(text: string): string {
  const unnamed = maskCredentials(text).replace(SEED, "***").replace(TOKEN_OR_INVITE, "***");
  const masked = printable(unnamed);
  const characters = [...masked];
  const shown =
    characters.length > SHOWN_CHARS_MAX
      ? `${characters.slice(0, SHOWN_CHARS_MAX).join("")}…`
      : masked;
  return `"${shown}"`;
}

/** Replaces by `?` what a terminal would obey, and what hides or reorders the text around it. */
export function printable(text: string): string {
  return text.replace(UNSEEN, "?");
}

/** Replaces user, password or token of an address by `***`; other text stays as it is. */
export function maskCredentials(text: string): string {
  const at = text.lastIndexOf("@");
  if (at === -1) return text;
  const start = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0].length ?? 0;
  // "ada@home" may be a name; "ada:x@home" and "nats://token@home" hold a secret.
  if (start === 0 && !text.slice(0, at).includes(":")) return text;
  return `${text.slice(0, start)}***${text.slice(at)}`;
}

/** Says whether an address carries a user, a password or a token. */
export function hasCredentials(text: string): boolean {
  return maskCredentials(text) !== text;
}
