import type { UserId } from "./ids.ts";
import { looksLikeUserKey } from "./nkey.ts";

const TEXT = /^ubk_(U[A-Z2-7]{55})_([1-9][0-9]{0,8})_([A-Za-z0-9_-]{86})$/;

/** What the holder of a new key hands to whoever replaces a user's key by it. It is no secret. */
export interface KeyReplacementText {
  /** The new key. */
  readonly by: UserId;
  /** Its number among the keys of the user. */
  readonly number: number;
  /** Its signature, in base64url, over `keyReplacementBytes`. */
  readonly signature: string;
}

/** Renders it as one word. */
export function renderKeyReplacement({ by, number, signature }: KeyReplacementText): string {
  return `ubk_${by}_${number}_${signature}`;
}

/** Reads it, or null. */
export function parseKeyReplacement(text: string): KeyReplacementText | null {
  const [, by = "", number = "", signature = ""] = TEXT.exec(text) ?? [];
  return looksLikeUserKey(by) ? { by, number: Number(number), signature } : null;
}
