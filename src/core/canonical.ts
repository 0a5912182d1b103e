/** What a canonical value may hold: no floats, no undefined, no dates. */
export type CanonicalValue =
  | null
  | boolean
  | number
  | string
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue };

/**
 * Renders a value in the one form that is hashed, signed and stored: JSON without white space,
 * members sorted by UTF-16 code units, whole numbers only.
 * Throws a `TypeError` on a float, an unsafe integer, `undefined` or a lone surrogate: they have no
 * single form. Source: RFC 8785, less its number formatting.
 */
export function canonicalJson(value: CanonicalValue): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new TypeError("A lone surrogate has no canonical form");
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      throw new TypeError(`The number ${value} has no canonical form`);
    }
    return String(value);
  }
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object") throw new TypeError(`A ${typeof value} has no canonical form`);
  const members = Object.keys(value)
    .sort()
    .map((key) => {
      const member = value[key];
      if (member === undefined) throw new TypeError(`The member "${key}" is undefined`);
      return `${canonicalJson(key)}:${canonicalJson(member)}`;
    });
  return `{${members.join(",")}}`;
}

function isList(value: unknown): value is readonly CanonicalValue[] {
  return Array.isArray(value);
}
