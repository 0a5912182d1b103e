import { orProblem, readConfiguredFile } from "../config/private-file.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import { parseTokenText } from "../core/secrets.ts";
import { type Identity, openIdentity } from "../sdk/identity.ts";
import { readSeed } from "./key-file.ts";
import type { Credential } from "./profile.ts";

/** What proves who one is, opened: exactly one of the two. */
export interface Proof {
  readonly identity: Identity | null;
  readonly token: string | null;
}

/** Opens a key or reads a token. Throws "file-unusable", also when others can read the file. */
export async function openCredential({ kind, file }: Credential): Promise<Proof> {
  return kind === "key"
    ? { identity: await openIdentity(readSeed(file)), token: null }
    : { identity: null, token: readToken(file) };
}

function readToken(file: string): string {
  const attempt = `Cannot read the token file ${quote(file)}`;
  const text = orProblem("file-unusable", attempt, () =>
    readConfiguredFile(file, { secret: true }),
  ).trim();
  if (parseTokenText(text)) return text;
  throw new Problem("file-unusable", `${attempt}: it holds no token of unibus (ubt_…)`);
}
