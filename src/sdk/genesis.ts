import type { SignedRecord } from "../contract/records.ts";
import { toBase64url } from "../core/base64url.ts";
import { type HistoryAccess, renderGenesis } from "../core/genesis.ts";
import type { Identity } from "./identity.ts";
import { randomHex } from "./random-hex.ts";

/**
 * Makes the first record of an encrypted room's log, signed by the room's owner. `created` is in ms since
 * the epoch. Two records are never the same, so that neither are two rooms.
 */
export async function makeGenesis(options: {
  readonly identity: Pick<Identity, "user" | "signRecord">;
  readonly busId: string;
  readonly history: HistoryAccess;
  readonly created: number;
}): Promise<SignedRecord> {
  const { identity, busId, history, created } = options;
  const bytes = renderGenesis({
    version: 1,
    kind: "genesis",
    bus: busId,
    owner: identity.user,
    suite: 1,
    history,
    created,
    nonce: randomHex(),
  });
  const signature = await identity.signRecord(busId, bytes);
  return { record: toBase64url(bytes), signature: toBase64url(signature) };
}
