/** What a canonical value may hold: no floats, no undefined, no dates. */
export type CanonicalValue =
  | null
  | boolean
  | number
  | string
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue };

/** Printable ASCII without what JSON escapes. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/**
 * Renders a value in the one form that is hashed, signed and stored: JSON without white space,
 * members sorted by UTF-16 code units, whole numbers only.
 * Throws a `TypeError` on a float, an unsafe integer, `undefined` or a lone surrogate: they have no
 * single form. Source: RFC 8785, less its number formatting.
 */
export function canonicalJson(value: CanonicalValue): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      throw new TypeError(`The number ${value} has no canonical form`);
    }
    return String(value);
  }
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object") throw new TypeError(`A ${typeof value} has no canonical form`);
  let members = "";
  for (const key of sortedKeys(value)) {
    const member = value[key];
    if (member === undefined) throw new TypeError(`The member "${key}" is undefined`);
    members += `${members === "" ? "" : ","}${quoted(key)}:${canonicalJson(member)}`;
  }
  return `{${members}}`;
}

/** Every entry is rendered some times on its way, and nearly all of its texts need no escaping. */
function quoted(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new TypeError("A lone surrogate has no canonical form");
  return JSON.stringify(text);
}

/** What was read from a canonical text has its members in order already. */
function sortedKeys(value: object): readonly string[] {
  const keys = Object.keys(value);
  const inOrder = keys.every((key, at) => at === 0 || (keys[at - 1] ?? "") < key);
  return inOrder ? keys : keys.sort();
}

function isList(value: unknown): value is readonly CanonicalValue[] {
  return Array.isArray(value);
}
