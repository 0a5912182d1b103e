import { closeSync, ftruncateSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { BALLAST_BYTES, BALLAST_STEP_BYTES } from "../core/limits.ts";
import { BALLAST_FILE } from "../core/node-files.ts";
import { allocate } from "../system/allocate.ts";

/** A file of no content that has room on the disk, and gives it up when that is full. */
export interface Ballast {
  /** Bytes that it has now; null where it was never made. */
  held(): number | null;
  /** Gives up a part of it. Answers whether there was any. */
  giveUp(): boolean;
  /** Makes it whole. Throws where the disk has not so much. */
  make(): void;
}

export function openBallast(folder: string): Ballast {
  const path = join(folder, BALLAST_FILE);

  function held(): number | null {
    return statSync(path, { throwIfNoEntry: false })?.size ?? null;
  }
  function resize(work: (file: number) => void, flags: "r+" | "a"): void {
    const file = openSync(path, flags, 0o600);
    try {
      work(file);
    } finally {
      closeSync(file);
    }
  }
  return {
    held,
    giveUp() {
      const had = held() ?? 0;
      // It stays, empty: what it had is not for everybody.
      if (had > 0)
        resize((file) => ftruncateSync(file, Math.max(0, had - BALLAST_STEP_BYTES)), "r+");
      return had > 0;
    },
    make: () => resize((file) => allocate(file, held() ?? 0, BALLAST_BYTES), "a"),
  };
}
