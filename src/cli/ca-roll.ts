import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fingerprintOf, isSignedBy } from "../config/certificate.ts";
import { orProblem, readConfiguredFile } from "../config/private-file.ts";
import { certificateNames } from "../config/tls-files.ts";
import { toBase64url } from "../core/base64url.ts";
import { isNodeName } from "../core/cluster-policy.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import {
  parseRollHandOver,
  ROLL_DOMAIN,
  ROLL_FORMAT,
  type RollHandOver,
} from "../core/route-roll.ts";
import {
  ensurePrivateFolder,
  syncFolder,
  writeFileAtomically,
  writeNewFile,
} from "../system/files.ts";
import {
  CA,
  filesIn,
  filesOf,
  library,
  newAuthority,
  openCa,
  readCertificate,
  spanOf,
  write,
} from "./bus-ca.ts";
import type { MadeCertificate } from "./certificates.ts";
import { encryptKey } from "./encrypted-key.ts";

/** The hand-overs of a roll, in the CA's folder; and in it, what is yet to take its place there. */
const ROLL = "roll";
const NEXT = "next";
/** What a roll is made in, before any of it counts. */
const DRAFT = "roll.tmp";
/** Where the CAs of before lie, each by the beginning of its fingerprint. */
const OLD = "old";
const OLD_CHARS = 16;

/** A roll that was made: what each node is handed. */
export interface MadeRoll {
  /** SHA-256 of the certificates of the new CA and of the old one, in hex. */
  readonly ca: string;
  readonly oldCa: string;
  /** The folder of the CA of before. */
  readonly old: string;
  readonly nodes: readonly { readonly node: string; readonly file: string }[];
  readonly without: readonly string[];
}

/**
 * Makes a new bus CA and a new secret of routes, and for each node what it has to be handed; the nodes of
 * `without` get nothing. The new CA then stands where the old one stood, which is kept. Killed at any
 * point it can be called again: before it counts all is made anew, and afterwards the rest is done.
 * Throws "file-exists" while the hand-overs of another roll lie there, "usage" for a name that is none.
 */
export async function rollBusCa(options: {
  readonly dir: string;
  readonly passphrase: string;
  readonly without: readonly string[];
  readonly at: number;
}): Promise<MadeRoll> {
  const { dir } = options;
  const roll = join(dir, ROLL);
  if (!existsSync(roll)) {
    await draftRoll(options);
    write(dir, () => {
      renameSync(join(dir, DRAFT), roll);
      syncFolder(dir);
    });
  } else if (!existsSync(join(roll, NEXT))) {
    throw new Problem(
      "file-exists",
      `Cannot roll the CA: ${quote(roll)} holds the hand-overs of a roll; when unibus health of every node tells of none any more, remove that folder and run this again`,
    );
  }
  return finishRoll(dir);
}

/** Makes everything beside what is there. */
async function draftRoll(options: Parameters<typeof rollBusCa>[0]): Promise<void> {
  const { dir, passphrase, at } = options;
  const old = openCa(options).ca;
  const nodes = nodesOf(dir, options.without);
  const { made, notAfter } = await newAuthority(at);
  const [from, roll] = [old.cert, made.cert].map((pem) => fingerprintOf(new X509Certificate(pem)));
  const shared = {
    ...{ format: ROLL_FORMAT, nodes, without: options.without, ca: made.cert },
    ...{ from: from ?? "", roll: roll ?? "" },
    password: toBase64url(crypto.getRandomValues(new Uint8Array(32))),
  } as const;
  const span = spanOf(at, notAfter);
  const draft = join(dir, DRAFT);
  const next = join(draft, NEXT);
  const certificates = new Map<string, string>();
  for (const node of nodes) certificates.set(node, await certify(dir, node, { ...span, ca: made }));
  write(dir, () => {
    rmSync(draft, { recursive: true, force: true });
    ensurePrivateFolder(next);
    const ca = filesOf(next, CA);
    writeNewFile(ca.key, encryptKey(made.key, passphrase), { mode: 0o600 });
    writeNewFile(ca.cert, made.cert, { mode: 0o644 });
    for (const [node, certificate] of certificates) {
      writeNewFile(filesOf(next, node).cert, certificate, { mode: 0o644 });
      const text = signHandOver({ ...shared, node, certificate }, old.key);
      writeNewFile(handOverOf(draft, node), text, { mode: 0o600 });
    }
  });
}

/** Makes a node's certificate by the new CA: for its same key, wherever that is, and its same hosts. */
async function certify(
  dir: string,
  node: string,
  signing: { readonly from: number; readonly to: number; readonly ca: MadeCertificate },
): Promise<string> {
  const certificate = readCertificate(filesOf(dir, node).cert);
  const hosts = certificateNames(certificate);
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  const { signPublicKey } = await library();
  return await signPublicKey({ ...signing, node, hosts, spki });
}

/** The nodes whose certificates lie in the folder, but those that are left out. */
function nodesOf(dir: string, without: readonly string[]): readonly string[] {
  const ca = readCertificate(filesOf(dir, CA).cert);
  const all = filesIn(dir)
    .filter((file) => file.endsWith(".crt") && file !== `${CA}.crt`)
    .map((file) => file.slice(0, -".crt".length))
    .filter(isNodeName);
  const unknown = without.find((name) => !all.includes(name));
  if (unknown !== undefined) {
    throw new Problem(
      "usage",
      `Cannot leave out ${quote(unknown)}: there is no certificate of it in ${quote(dir)}; see: unibus cert list`,
    );
  }
  const nodes = all.filter((name) => !without.includes(name)).sort();
  if (nodes.length === 0) {
    throw new Problem("usage", "Cannot roll the CA: there is no certificate of a node to go on");
  }
  for (const node of nodes) {
    const { cert } = filesOf(dir, node);
    const certificate = readCertificate(cert);
    if (isSignedBy(certificate, ca)) continue;
    throw new Problem(
      "file-unusable",
      `Cannot roll the CA: ${quote(cert)} is not of the CA here; leave it out with --without ${node}`,
    );
  }
  return nodes;
}

function signHandOver(handOver: RollHandOver, key: string): string {
  const line = JSON.stringify(handOver);
  const signature = sign("sha256", Buffer.from(`${ROLL_DOMAIN}${line}`), {
    ...{ key: createPrivateKey(key), dsaEncoding: "ieee-p1363" },
  });
  return `${line}\n${toBase64url(signature)}\n`;
}

/**
 * Puts the new CA and its certificates in the place of the old ones, which are copied away first. What is
 * done already is not done again; the folder of what is to come goes last.
 */
function finishRoll(dir: string): MadeRoll {
  const roll = join(dir, ROLL);
  const next = join(roll, NEXT);
  const nodes = filesIn(roll)
    .filter((file) => file.endsWith(`.${ROLL}`))
    .map((file) => file.slice(0, -`.${ROLL}`.length))
    .sort();
  const [first = ""] = nodes;
  const { from, roll: ca, without } = readHandOver(handOverOf(roll, first));
  const old = join(dir, OLD, from.slice(0, OLD_CHARS));
  write(dir, () => {
    ensurePrivateFolder(old);
    // The key is copied while the certificate is still its own: the certificate is replaced last.
    if (fingerprintOf(readCertificate(filesOf(dir, CA).cert)) === from) {
      for (const name of [CA, ...nodes, ...without]) keepOld({ dir, old, name });
    }
    for (const name of [...nodes, CA]) takeNext({ dir, next, name });
    for (const name of without) {
      const { cert, key } = filesOf(dir, name);
      rmSync(cert, { force: true });
      rmSync(key, { force: true });
    }
    rmSync(next, { recursive: true });
    syncFolder(roll);
  });
  const shown = nodes.map((node) => ({ node, file: handOverOf(roll, node) }));
  return { ca, oldCa: from, old, nodes: shown, without };
}

/** Copies what is to be replaced. A copy that is there was made before anything was. */
function keepOld(place: {
  readonly dir: string;
  readonly old: string;
  readonly name: string;
}): void {
  const to = filesOf(place.old, place.name);
  copyPair(filesOf(place.dir, place.name), to, { refresh: false });
}

/** Puts what is new in its place, the key first. */
function takeNext(place: {
  readonly dir: string;
  readonly next: string;
  readonly name: string;
}): void {
  const to = filesOf(place.dir, place.name);
  copyPair(filesOf(place.next, place.name), to, { refresh: true });
}

type Pair = ReturnType<typeof filesOf>;

function copyPair(from: Pair, to: Pair, { refresh }: { readonly refresh: boolean }): void {
  for (const what of ["key", "cert"] as const) {
    if (!existsSync(from[what]) || (!refresh && existsSync(to[what]))) continue;
    const mode = what === "key" ? 0o600 : 0o644;
    writeFileAtomically(to[what], readFileSync(from[what]), { mode });
  }
}

function handOverOf(folder: string, node: string): string {
  return join(folder, `${node}.${ROLL}`);
}

function readHandOver(path: string): RollHandOver {
  const what = `Cannot read the hand-over ${quote(path)}`;
  const text = orProblem("file-unusable", what, () => readConfiguredFile(path, { secret: true }));
  const handOver = parseRollHandOver(text.split("\n", 1)[0] ?? "");
  if (handOver) return handOver;
  throw new Problem("file-unusable", `${what}: it is none, or damaged`);
}
