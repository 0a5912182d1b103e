import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JournalStream } from "../../src/core/journal-stream.ts";
import { openReplicatedWritePath } from "../../src/server/replicated-write-path.ts";
import { getBus } from "../../src/store/journal.ts";
import { openStore } from "../../src/store/open.ts";
import { openTestBus, type TestBus, testBusOn } from "./builders.ts";
import { eventually } from "./eventually.ts";
import { createMemoryStream } from "./memory-stream.ts";

/** A bus over one of the journals, and what is different between them. */
export interface JournalBus extends Omit<TestBus, typeof Symbol.dispose>, AsyncDisposable {
  /** Whether a repeat or a conflict has a number of its own. */
  readonly numbersRepeats: boolean;
  /** The number of the last entry after so many operations, some of them again. */
  number(after: { readonly operations: number; readonly repeats?: number }): number;
}

export async function openLocalBus(
  options: Parameters<typeof openTestBus>[0] = {},
): Promise<JournalBus> {
  const bus = openTestBus(options);
  return {
    ...bus,
    numbersRepeats: false,
    number: ({ operations }) => operations,
    [Symbol.asyncDispose]: async () => bus[Symbol.dispose](),
  };
}

/** A bus over a stream: of the test's own, or one in memory. It has a name already. */
export async function openReplicatedBus(
  stream: JournalStream = createMemoryStream(),
): Promise<JournalBus> {
  const folder = mkdtempSync(join(tmpdir(), "unibus-replicated-"));
  const path = join(folder, "unibus.db");
  const store = openStore({ path, random: null });
  const writePath = await openReplicatedWritePath({
    ...{ store, stream, staleMaxMs: 60_000, signal: AbortSignal.timeout(20_000) },
    // Operations of tests name times of their own.
    now: () => 0,
    mayFound: async () => true,
    takeCopy: async () => false,
  });
  // Other buses may have been on the same stream.
  await eventually(async () => writePath.applied() === (await stream.lastSequence()));
  const before = getBus(store).lastSeq;
  return {
    ...testBusOn({ path, store, writePath }),
    numbersRepeats: true,
    number: ({ operations, repeats = 0 }) => before + operations + repeats,
    async [Symbol.asyncDispose]() {
      await writePath[Symbol.asyncDispose]();
      store[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
