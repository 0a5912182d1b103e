import { LEVEL_FIRST } from "../core/level.ts";

/** SHA-256 of bytes that follow one another; parts of varying length come with their length. */
export function digest(...parts: readonly Uint8Array[]): Uint8Array {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

const LABEL = new TextEncoder().encode("unibus/1 journal");

/**
 * The chain before the first entry: it binds a journal to its bus and generation (both hex), and to the
 * level that the bus began at. The first level is in no bytes: buses began before there were levels.
 */
export function firstChain(bus: {
  readonly busId: string;
  readonly generation: string;
  readonly level: number;
}): Uint8Array {
  const level = new DataView(new ArrayBuffer(4));
  level.setUint32(0, bus.level);
  return digest(
    LABEL,
    Uint8Array.fromHex(bus.busId),
    Uint8Array.fromHex(bus.generation),
    ...(bus.level === LEVEL_FIRST ? [] : [new Uint8Array(level.buffer)]),
  );
}

/** The stored bytes of one entry. */
export interface Link {
  readonly entry: Uint8Array;
  readonly outcome: Uint8Array;
  readonly changes: Uint8Array;
}

/** The chain after an entry: nodes with one chain have one history, and damage breaks it. */
export function nextChain(previous: Uint8Array, { entry, outcome, changes }: Link): Uint8Array {
  const lengths = new DataView(new ArrayBuffer(8));
  lengths.setUint32(0, entry.length);
  lengths.setUint32(4, outcome.length);
  const bytes = new Uint8Array(lengths.buffer);
  return digest(previous, bytes.subarray(0, 4), entry, bytes.subarray(4), outcome, digest(changes));
}
