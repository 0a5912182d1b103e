import { isName } from "../ids.ts";
import { NAME_CHARS_MAX } from "../limits.ts";
import { type Refusal, refusal } from "../problems.ts";

const LIKE_USER_KEY = /^U[A-Z2-7]{55}$/i;
const LIKE_ROOM_ID = /^[a-z2-7]{26}$/i;
const LIKE_SEED = /^S[ACNOUX][A-Z2-7]{56}$/i;

/** What two names have in common when they are one name: no case, no typographic variants. */
export function nameKey(name: string): string {
  return name.normalize("NFKC").replaceAll("\ufe0f", "").toLowerCase();
}

/**
 * Says why a text cannot name a user or a room, or null. A name never looks like an id, because
 * commands take either; nor like a seed, which somebody pasted in the wrong place.
 * It judges what enters the journal, never what is in it: its answer follows the Unicode version.
 */
export function refuseName(name: string): Refusal | null {
  if (LIKE_SEED.test(name)) {
    return refusal("request-invalid", "Cannot use this name: it is a secret seed");
  }
  if (LIKE_USER_KEY.test(name) || LIKE_ROOM_ID.test(name)) {
    return refusal(
      "request-invalid",
      `Cannot use the name "${name}": it looks like a user key or a room id`,
    );
  }
  if (!isName(name)) {
    return refusal(
      "request-invalid",
      `Cannot use this name: a name has 1 to ${NAME_CHARS_MAX} visible characters and single spaces`,
    );
  }
  return null;
}

/**
 * Says why a text cannot be what somebody calls a token or an invite, or null. Nothing is a label
 * too. A secret never is: the texts of tokens and invites are longer than a label may be.
 */
export function refuseLabel(label: string): Refusal | null {
  if (LIKE_SEED.test(label)) {
    return refusal("request-invalid", "Cannot use this label: it is a secret seed");
  }
  if (label === "" || isName(label)) return null;
  return refusal(
    "request-invalid",
    `Cannot use this label: a label has at most ${NAME_CHARS_MAX} visible characters and single spaces`,
  );
}
