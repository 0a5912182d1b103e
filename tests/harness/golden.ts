import { expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dir, "../golden");

/**
 * Demands that a rendered value is what tests/golden/<file> says. `UNIBUS_GOLDEN=write bun test …`
 * writes the file instead; its change is then read in review.
 */
export function expectGolden(file: string, value: unknown): void {
  const path = join(FOLDER, file);
  const text = typeof value === "string" ? value : `${JSON.stringify(value, null, 2)}\n`;
  if (process.env.UNIBUS_GOLDEN === "write") writeFileSync(path, text);
  expect(existsSync(path) ? readFileSync(path, "utf8") : `tests/golden/${file} is missing`).toBe(
    text,
  );
}
