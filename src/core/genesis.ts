import { fromBase64url } from "./base64url.ts";
import { type CanonicalValue, canonicalJson } from "./canonical.ts";
import type { UserId } from "./ids.ts";
import { isUserId } from "./nkey.ts";
import type { SignedRecord } from "./operations.ts";
import { type Refusal, refusal } from "./problems.ts";

/** Who may read what was said in a room before they joined it. */
export type HistoryAccess = "all" | "from-joining";

/**
 * The first record of an encrypted room's log. Its digest is the room's id, so whoever was told the id
 * by a member knows the room's owner from nobody else.
 */
export interface Genesis {
  readonly version: 1;
  readonly kind: "genesis";
  /** Id of the bus that the room is on. */
  readonly bus: string;
  readonly owner: UserId;
  /** The algorithms of the room; 1 is HPKE with X25519, HKDF-SHA256 and AES-256-GCM. */
  readonly suite: 1;
  readonly history: HistoryAccess;
  /** Milliseconds since the epoch, by the owner's clock. */
  readonly created: number;
  /** 16 random bytes in hex, so that two rooms are never one. */
  readonly nonce: string;
}

/** Renders a genesis record in the one form that is signed. */
export function renderGenesis(genesis: Genesis): Uint8Array {
  return new TextEncoder().encode(canonicalJson({ ...genesis }));
}

/**
 * Reads the genesis record of a room on this bus. Returns it with the bytes that are signed, or why it
 * is none; whether the signature is the owner's is left to the caller.
 */
export function readGenesis(
  signed: SignedRecord,
  { busId }: { readonly busId: string },
): { readonly genesis: Genesis; readonly bytes: Uint8Array } | Refusal {
  const read = parse(signed.record);
  if (read === null) return invalid("it is no canonical JSON in base64url");
  const { bytes, value } = read;
  const fault = faultOf(value, busId);
  // Every member was just judged.
  return fault === null ? { genesis: value as unknown as Genesis, bytes } : invalid(fault);
}

const MEMBERS = ["bus", "created", "history", "kind", "nonce", "owner", "suite", "version"];

type Members = { readonly [key: string]: CanonicalValue };

function faultOf(value: Members, busId: string): string | null {
  const { bus, created, history, kind, nonce, owner, suite, version } = value;
  if (Object.keys(value).sort().join() !== MEMBERS.join()) {
    return `it has to have the members ${MEMBERS.join(", ")} and no other`;
  }
  if (version !== 1 || kind !== "genesis") return "it is no genesis record of version 1";
  if (bus !== busId) return "it was made for another bus";
  if (suite !== 1) return "its suite is not known here";
  if (history !== "all" && history !== "from-joining") return "its history is not known here";
  if (typeof created !== "number" || created < 0) return "its time is none";
  if (typeof nonce !== "string" || !/^[0-9a-f]{32}$/.test(nonce)) return "its nonce is none";
  return typeof owner === "string" && isUserId(owner) ? null : "its owner is no user key";
}

/** Parses a record, which has to be in the one canonical form. */
function parse(record: string): { readonly bytes: Uint8Array; readonly value: Members } | null {
  try {
    const bytes = fromBase64url(record);
    if (bytes === null) return null;
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    // JSON holds nothing else than canonical values can be, but for floats, which throw below.
    const members = value as Members;
    return canonicalJson(members) === text ? { bytes, value: members } : null;
  } catch {
    return null;
  }
}

function invalid(fault: string): Refusal {
  return refusal("record-invalid", `Cannot use the genesis record: ${fault}`);
}
