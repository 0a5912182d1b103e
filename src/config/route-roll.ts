import { createPrivateKey, verify, type X509Certificate } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { ROLL_FILE_BYTES_MAX } from "../core/limits.ts";
import { certificateBlocks } from "../core/pem.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import {
  parseRollHandOver,
  parseRollState,
  ROLL_DOMAIN,
  type RollHandOver,
  type RollState,
  renderRollState,
  rollFilesOf,
} from "../core/route-roll.ts";
import { codeOf, wordsOf } from "../core/thrown.ts";
import { realFile, writeFileAtomically } from "../system/files.ts";
import { spotFault } from "../system/safe-folder.ts";
import { fingerprintOf, isSignedBy, parseCertificate } from "./certificate.ts";
import type { NodeSettings } from "./load.ts";
import { orProblem, readConfiguredFile, readSecretFile } from "./private-file.ts";

/** The settings that name the files which a roll replaces, and whose they are. */
export type RollSettings = Pick<
  NodeSettings,
  "serverName" | "routeTlsCert" | "routeTlsKey" | "routeTlsCa" | "clusterPassFile"
>;

/** Where a node keeps what it has of a roll: beside its own route certificate. */
export function rollFileOf({ routeTlsCert }: Pick<NodeSettings, "routeTlsCert">): string {
  return `${routeTlsCert}.roll`;
}

/** Whether a node has taken up a roll, and is not through. */
export function hasRoll(settings: Pick<NodeSettings, "routeTlsCert">): boolean {
  return settings.routeTlsCert !== "" && existsSync(rollFileOf(settings));
}

/** What a node has of a roll; null without one. Throws "file-unusable" when it cannot be read. */
export function readRoll(settings: Pick<NodeSettings, "routeTlsCert">): RollState | null {
  if (!hasRoll(settings)) return null;
  const path = rollFileOf(settings);
  const what = `Cannot read what is kept of the roll, ${quote(path)}`;
  const text = orProblem("file-unusable", what, () => readConfiguredFile(path, { secret: true }));
  const state = parseRollState(text);
  if (state) return state;
  throw new Problem(
    "file-unusable",
    `${what}: it is damaged; remove it, and hand the roll over once more`,
  );
}

/** Keeps what a node has of a roll, at once and for its owner only. */
export function writeRoll(settings: RollSettings, state: RollState): void {
  const path = rollFileOf(settings);
  replacing(path, () => writeFileAtomically(path, renderRollState(state), { mode: 0o600 }));
}

/** Forgets the roll, and with it the old secret. */
export function forgetRoll(settings: RollSettings): void {
  const path = rollFileOf(settings);
  replacing(path, () => rmSync(path, { force: true }));
}

/**
 * Makes the node's files what its phase says, each at once; one that is so already is not touched. Killed
 * between two of them it is called again at the next start, before the files are read.
 * Throws "file-unusable", naming the file.
 */
export function writeRollFiles(settings: RollSettings, state: RollState): void {
  const files = rollFilesOf(state);
  const password = files.password === null ? null : `${files.password}\n`;
  for (const [path, text] of [
    [settings.routeTlsCa, files.ca],
    [settings.routeTlsCert, files.certificate],
    [settings.clusterPassFile, password],
  ] as const) {
    if (text === null || contentOf(path) === text) continue;
    replacing(path, () => {
      const mode = statSync(path).mode & 0o777;
      writeFileAtomically(realFile(path), text, { mode });
    });
  }
}

/** Puts the files in order that a roll is in the middle of. To be called before they are read. */
export function resumeRoll(settings: RollSettings): RollState | null {
  const state = readRoll(settings);
  if (state) writeRollFiles(settings, state);
  return state;
}

/**
 * Opens what an operator handed over: it must be signed by the CA that the node trusts now, be for this
 * node, and hold a certificate of the new CA for the node's own key. Throws "file-unusable" for what is
 * no hand-over, "node-ca-foreign" for one of somebody else or for another node.
 */
export function openHandOver(text: string, settings: RollSettings): RollHandOver {
  const [line = "", signature = "", rest, ...more] = text.split("\n");
  const handOver = text.length > ROLL_FILE_BYTES_MAX ? null : parseRollHandOver(line);
  if (!handOver || signature === "" || rest !== "" || more.length > 0) {
    throw new Problem(
      "file-unusable",
      "Cannot take the roll: the file is not what unibus cert roll made, or not all of it",
    );
  }
  const authority = authoritiesOf(settings).find((ca) => fingerprintOf(ca) === handOver.from);
  const isTheirs =
    authority !== undefined &&
    verify(
      "sha256",
      Buffer.from(`${ROLL_DOMAIN}${line}`),
      { key: authority.publicKey, dsaEncoding: "ieee-p1363" },
      Buffer.from(signature, "base64url"),
    );
  if (!isTheirs) {
    throw foreign("it is not signed by the CA that this node trusts with --route-tls-ca");
  }
  if (handOver.node !== settings.serverName) {
    throw foreign(
      `it is for the node ${quote(handOver.node)}, and this one is ${quote(settings.serverName)}`,
    );
  }
  refuseMisfit(handOver, settings);
  return handOver;
}

/** Whether a node is through a roll: whether it trusts its new CA, and no other. */
export function isThroughRoll(
  settings: Pick<RollSettings, "routeTlsCa">,
  { roll }: Pick<RollHandOver, "roll">,
): boolean {
  const authorities = authoritiesOf(settings).map(fingerprintOf);
  return authorities.length === 1 && authorities[0] === roll;
}

/** What a node keeps that takes up a roll, of what its files hold now. */
export function beginRoll(handOver: RollHandOver, settings: RollSettings): RollState {
  const oldCa = certificateBlocks(readCa(settings)).join("\n");
  const oldPassword = readSecretFile(settings.clusterPassFile, "the password of the routes");
  return { phase: "received", handOver, oldCa: `${oldCa}\n`, oldPassword };
}

/**
 * Says why a node's files cannot be replaced while it runs, in words that name the file; null when they
 * can. Files that something else hands to the node, as a read-only or single mount, are its to replace.
 */
export function rollFilesFault(settings: RollSettings): string | null {
  const { routeTlsCa, routeTlsCert, clusterPassFile } = settings;
  for (const [flag, path] of [
    ["--route-tls-ca", routeTlsCa],
    ["--route-tls-cert", routeTlsCert],
    ["--cluster-pass-file", clusterPassFile],
  ] as const) {
    const why = replaceFault(realFile(path));
    if (why !== null) return `the file of ${flag}, ${quote(path)}, ${why}`;
  }
  return null;
}

function replaceFault(path: string): string | null {
  const folder = dirname(path);
  try {
    const { uid } = statSync(path);
    if (uid !== process.geteuid?.()) return `belongs to another user (uid ${uid})`;
    accessSync(folder, constants.W_OK);
    const fault = spotFault(folder);
    if (fault) return `lies in a folder that ${fault}`;
  } catch (error) {
    const why: Readonly<Record<string, string>> = {
      ENOENT: "does not exist",
      EROFS: "is on a file system where nothing is written",
    };
    return (
      why[codeOf(error)] ?? `lies in a folder where this user may not write (${codeOf(error)})`
    );
  }
  return isMountPoint(path) ? "is mounted by itself, and cannot be replaced at once" : null;
}

/** Source: proc_pid_mountinfo(5): the fifth field is the mount point, with spaces as \040. */
function isMountPoint(path: string): boolean {
  try {
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    return mounts.some((line) => line.split(" ")[4]?.replaceAll("\\040", " ") === path);
  } catch {
    // A system that does not tell lets the replacing itself fail.
    return false;
  }
}

/** Throws when the certificate is not one of the new CA for the node's key. */
function refuseMisfit(handOver: RollHandOver, settings: RollSettings): void {
  const ca = parseCertificate(handOver.ca);
  const certificate = parseCertificate(handOver.certificate);
  const key = orProblem("file-unusable", "Cannot take the roll: the key of --route-tls-key", () =>
    readConfiguredFile(settings.routeTlsKey, { secret: true }),
  );
  const fits =
    ca?.ca === true &&
    fingerprintOf(ca) === handOver.roll &&
    certificate !== null &&
    isSignedBy(certificate, ca) &&
    certificate.checkPrivateKey(createPrivateKey(key));
  if (!fits) throw foreign("its certificate is not one of the new CA for the key of this node");
}

function authoritiesOf(settings: Pick<RollSettings, "routeTlsCa">): readonly X509Certificate[] {
  return certificateBlocks(readCa(settings)).flatMap((pem) => parseCertificate(pem) ?? []);
}

function readCa({ routeTlsCa }: Pick<RollSettings, "routeTlsCa">): string {
  const what = `Cannot read the bus CA ${quote(routeTlsCa)}`;
  return orProblem("file-unusable", what, () => readConfiguredFile(routeTlsCa, { secret: false }));
}

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function replacing(path: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    throw new Problem("file-unusable", `Cannot replace ${quote(path)}: ${wordsOf(cause)}`, {
      cause,
    });
  }
}

function foreign(why: string): Problem {
  return new Problem("node-ca-foreign", `Cannot take the roll: ${why}`);
}
