import { expect, test } from "bun:test";
import { hasCredentials, maskCredentials, quote } from "../../src/core/quote.ts";

const SEED = `SU${"A".repeat(56)}`;

test.each([
  ["on", '"on"'],
  ["", '""'],
  ["two\nlines", '"two?lines"'],
  ["right\u202eleft", '"right?left"'],
  [SEED, '"***"'],
  [`--key=${SEED}`, '"--key=***"'],
  [SEED.slice(0, 50), '"***"'],
  [`ubt_${"a".repeat(26)}_${"x".repeat(43)}`, '"***"'],
  [`join ubi_${"a".repeat(26)}_${"x".repeat(20)}`, '"join ***"'],
  ["nats://u:secret@host:1", '"nats://***@host:1"'],
  ["x".repeat(100), `"${"x".repeat(80)}…"`],
])("%j is shown as %s", (text, shown) => expect(quote(text)).toBe(shown));

test.each([
  ["nats://host:4222", "nats://host:4222"],
  ["nats://user:pass@host:4222", "nats://***@host:4222"],
  ["nats://token@host:4222", "nats://***@host:4222"],
  ["nats://user:p@ss/w@host:4222", "nats://***@host:4222"],
  ["user:pass@host:4222", "***@host:4222"],
  ["user:p://x@host:4222", "***@host:4222"],
  ["ada@home", "ada@home"],
])("%s is masked as %s", (text, masked) => {
  expect(maskCredentials(text)).toBe(masked);
  expect(hasCredentials(text)).toBe(masked !== text);
});
