// What a new node and whoever lets it in say to each other. It passes through others, also in the
// clear, and is sealed with keys that come from the secret of the token (HKDF-SHA256, AES-256-GCM).
// The answer's key comes besides from a key pair of each side that lives for this exchange alone: who
// finds the token afterwards cannot read what was recorded.
import { fromBase64url, toBase64url } from "../core/base64url.ts";
import { joinBytes } from "../core/bytes.ts";
import { type NodeTokenId, nodeTokenIdOf } from "../core/ids.ts";
import type { NodeToken } from "../core/node-token.ts";

/** What a machine asks for that wants to be a node. */
export interface JoinRequest {
  /** PKCS #10, PEM: its key, and the names and addresses it is reached by. */
  readonly certificateRequest: string;
  /** The name that it would like to have, or null for any. */
  readonly node: string | null;
  /** Where other nodes reach it: host:port. */
  readonly route: string;
}

/** What it is answered: how it takes part, or why it may not. */
export type JoinAnswer =
  | {
      readonly kind: "joined";
      /** PEM; null where the authority is elsewhere and has yet to sign. */
      readonly certificate: string | null;
      readonly ca: string;
      readonly cluster: string;
      readonly node: string;
      readonly mode: "off" | "soft" | "enforce";
      /** The secret of the routes, or null for a cluster that has none. */
      readonly secret: { readonly user: string; readonly password: string } | null;
      /** Routes to the other nodes, without the secret. */
      readonly routes: readonly string[];
    }
  | { readonly kind: "refused"; readonly code: string; readonly detail: string };

type TokenSecret = Pick<NodeToken, "secret" | "ca">;

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const UTF8 = new TextEncoder();

/** The id by which nodes speak of a token: it tells nothing of the secret that it is made from. */
export async function nodeTokenId(token: TokenSecret): Promise<NodeTokenId> {
  return nodeTokenIdOf(await derive(secretBytes(token), "id", bound(token)));
}

/** A request under way: what is sent, and how its answer is opened. */
export interface SealedRequest {
  readonly sealed: string;
  /** Opens the answer; null when it is not from whoever holds the token, or for another request. */
  openAnswer(sealed: string): Promise<JoinAnswer | null>;
}

/** Seals a request with a token. */
export async function sealJoinRequest(
  token: TokenSecret,
  request: JoinRequest,
): Promise<SealedRequest> {
  const own = await generatePair();
  const key = await derive(secretBytes(token), "request", bound(token));
  const body = UTF8.encode(JSON.stringify(request));
  const box = await seal(key, joinBytes([own.publicKey, body]), bound(token));
  return {
    sealed: toBase64url(box),
    async openAnswer(sealed) {
      const bytes = fromBase64url(sealed);
      if (!bytes || bytes.length <= KEY_BYTES) return null;
      const theirs = bytes.subarray(0, KEY_BYTES);
      const pair = { own, theirs, asker: own.publicKey, answerer: theirs };
      const sealing = await answerKey(token, pair, box);
      const opened = sealing && (await open(sealing.key, bytes.subarray(KEY_BYTES), sealing.about));
      // It was made by whoever made the token, which checks what it says.
      return opened && (readJson(opened) as JoinAnswer | null);
    },
  };
}

/** A request that was opened, and how it is answered. */
export interface OpenedRequest {
  readonly request: JoinRequest;
  sealAnswer(answer: JoinAnswer): Promise<string>;
}

/** Opens a request; null when it is not from whoever holds the token. */
export async function openJoinRequest(
  token: TokenSecret,
  sealed: string,
): Promise<OpenedRequest | null> {
  const box = fromBase64url(sealed);
  if (!box) return null;
  const key = await derive(secretBytes(token), "request", bound(token));
  const opened = await open(key, box, bound(token));
  if (!opened || opened.length <= KEY_BYTES) return null;
  const theirs = opened.subarray(0, KEY_BYTES);
  const request = readJson(opened.subarray(KEY_BYTES));
  if (!isJoinRequest(request)) return null;
  return {
    request,
    async sealAnswer(answer) {
      const own = await generatePair();
      const pair = { own, theirs, asker: theirs, answerer: own.publicKey };
      const sealing = await answerKey(token, pair, box);
      if (!sealing) throw new Error("The other side's key has no secret in common with any");
      const bytes = UTF8.encode(JSON.stringify(answer));
      return toBase64url(joinBytes([own.publicKey, await seal(sealing.key, bytes, sealing.about)]));
    },
  };
}

function isJoinRequest(value: unknown): value is JoinRequest {
  if (typeof value !== "object" || value === null) return false;
  const { certificateRequest, node, route }: Partial<Record<keyof JoinRequest, unknown>> = value;
  return (
    typeof certificateRequest === "string" &&
    (node === null || typeof node === "string") &&
    typeof route === "string"
  );
}

interface Pair {
  readonly publicKey: Uint8Array;
  readonly privateKey: CryptoKey;
}

async function generatePair(): Promise<Pair> {
  const pair = await crypto.subtle.generateKey("X25519", false, ["deriveBits"]);
  if (!("privateKey" in pair)) throw new Error("X25519 makes keys in pairs");
  const { publicKey, privateKey } = pair;
  return {
    publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)),
    privateKey,
  };
}

/**
 * The key of an answer and what it is about: the secret of the token, what both key pairs have in
 * common, their public halves, and the whole request. Null for a public key of small order.
 */
async function answerKey(
  token: TokenSecret,
  {
    own,
    theirs,
    asker,
    answerer,
  }: Record<"theirs" | "asker" | "answerer", Uint8Array> & { own: Pair },
  box: Uint8Array,
): Promise<{ readonly key: Uint8Array; readonly about: Uint8Array } | null> {
  let common: Uint8Array;
  try {
    const raw = await crypto.subtle.importKey("raw", copy(theirs), "X25519", false, []);
    const how = { name: "X25519", public: raw };
    common = new Uint8Array(await crypto.subtle.deriveBits(how, own.privateKey, 256));
  } catch {
    return null;
  }
  if (common.every((byte) => byte === 0)) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", copy(box)));
  const about = joinBytes([bound(token), asker, answerer, digest]);
  const key = await derive(joinBytes([secretBytes(token), common]), "answer", about);
  return { key, about };
}

/** What every key of a token is bound to: the authority that it names. */
function bound({ ca }: TokenSecret): Uint8Array {
  return UTF8.encode(ca);
}

function secretBytes({ secret }: TokenSecret): Uint8Array {
  const bytes = fromBase64url(secret);
  if (bytes?.length !== KEY_BYTES) throw new Error("The secret of a token has 32 bytes");
  return bytes;
}

/** Source: RFC 5869; the purpose stands in front of what the key is bound to. */
async function derive(source: Uint8Array, purpose: string, about: Uint8Array): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", copy(source), "HKDF", false, ["deriveBits"]);
  const info = joinBytes([UTF8.encode(`unibus/1 node-join ${purpose}\0`), about]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, KEY_BYTES * 8));
}

async function seal(key: Uint8Array, bytes: Uint8Array, about: Uint8Array): Promise<Uint8Array> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const aes = await crypto.subtle.importKey("raw", copy(key), "AES-GCM", false, ["encrypt"]);
  const how = { name: "AES-GCM", iv, additionalData: copy(about) };
  return joinBytes([iv, new Uint8Array(await crypto.subtle.encrypt(how, aes, copy(bytes)))]);
}

async function open(
  key: Uint8Array,
  box: Uint8Array,
  about: Uint8Array,
): Promise<Uint8Array | null> {
  const aes = await crypto.subtle.importKey("raw", copy(key), "AES-GCM", false, ["decrypt"]);
  const iv = copy(box.subarray(0, NONCE_BYTES));
  const how = { name: "AES-GCM", iv, additionalData: copy(about) };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(how, aes, copy(box.subarray(NONCE_BYTES))));
  } catch {
    // Not sealed with this key, or changed on the way: which of them is not to be known.
    return null;
  }
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
}

/** The bytes with memory of their own, as WebCrypto asks for it. */
function copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
