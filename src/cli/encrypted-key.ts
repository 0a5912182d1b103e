import { createCipheriv, createPrivateKey, pbkdf2Sync, randomBytes } from "node:crypto";

/** Rounds of PBKDF2: what OWASP asks of SHA-256 in 2023; a third of a second here. */
const ROUNDS = 600_000;
const SALT_BYTES = 16;

/** Object identifiers, as DER has them. Source: RFC 8018 appendix C; RFC 3565 for AES. */
const PBES2 = "06092a864886f70d01050d";
const PBKDF2 = "06092a864886f70d01050c";
const HMAC_SHA256 = "06082a864886f70d0209";
const AES_256_CBC = "060960864801650304012a";
const NULL = "0500";

/**
 * Encrypts a private key under a passphrase, in the form that openssl and others read: PKCS #8 with
 * PBES2. node:crypto writes the same with 2,048 rounds, which a graphics card makes nothing of.
 * Source: RFC 5958 §3, RFC 8018 §6.2.
 */
export function encryptKey(pem: string, passphrase: string): string {
  const plain = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(16);
  const key = pbkdf2Sync(passphrase, salt, ROUNDS, 32, "sha256");
  const cipher = createCipheriv("aes-256-cbc", key, iv);
  const data = Buffer.concat([cipher.update(plain), cipher.final()]);
  plain.fill(0);
  key.fill(0);
  const derivation = sequence(
    hex(PBKDF2),
    sequence(tagged(0x04, salt), integer(ROUNDS), sequence(hex(HMAC_SHA256), hex(NULL))),
  );
  const scheme = sequence(hex(AES_256_CBC), tagged(0x04, iv));
  const algorithm = sequence(hex(PBES2), sequence(derivation, scheme));
  return pemOf(sequence(algorithm, tagged(0x04, data)));
}

/** Decrypts a private key; null when the passphrase is not the one, or the text is no such key. */
export function decryptKey(pem: string, passphrase: string): string | null {
  try {
    return createPrivateKey({ key: pem, passphrase }).export({ type: "pkcs8", format: "pem" });
  } catch {
    return null;
  }
}

function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

function tagged(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x1_00
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

/** A positive number of at most 31 bits. */
function integer(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff);
  // A leading bit would make it negative.
  if ((bytes[0] ?? 0) >= 0x80) bytes.unshift(0);
  return tagged(0x02, Buffer.from(bytes));
}

function pemOf(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  const label = "ENCRYPTED PRIVATE KEY";
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
