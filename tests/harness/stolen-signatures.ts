import type { Callers, SigningCaller } from "./callers.ts";
import { infoLine } from "./fake-nats.ts";
import { testKey } from "./raw-nats.ts";
import { baseOf, createdNow, domainBytes, inputOf, parametersOf } from "./signed-bytes.ts";

/** Something that a server hands out as nonce, hoping for a signature that is worth something. */
export interface Handed {
  /** What the signature would be, and how its bytes are written down as a nonce. */
  readonly what: string;
  /** The bytes whose signature would be worth something. */
  readonly wanted: Buffer;
  /** How a server says it. */
  readonly line: Buffer;
  /** Shows the signature to a node and answers which problem that is. */
  present(signature: string): Promise<string>;
  /** The problem that it has to be. */
  readonly code: string;
}

/** Every way to write bytes into a text of JSON, as far as a server can choose it. */
const WRITINGS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  "as they are": (bytes) => infoLine(escaped(bytes)),
  "without the first byte": (bytes) => infoLine(escaped(bytes.subarray(1))),
  "as the characters of their numbers": (bytes) => infoLine(mapped(bytes, unicode)),
  "as lone surrogates": (bytes) =>
    infoLine(mapped(bytes, (byte) => unicode(byte < 0x80 ? byte : 0xdc00 + byte))),
  "as the last characters there are": (bytes) =>
    infoLine(mapped(bytes, (byte) => unicode(byte < 0x80 ? byte : 0xff00 + byte))),
  "in base64": (bytes) => infoLine(Buffer.from(bytes.toString("base64"))),
  "in hexadecimal": (bytes) => infoLine(Buffer.from(bytes.toString("hex"))),
  "in JSON of UTF-16": (bytes) => {
    const line = infoLine(mapped(bytes, unicode)).toString("latin1");
    const json = line.slice("INFO ".length, -2);
    return Buffer.concat([Buffer.from("INFO "), Buffer.from(json, "utf16le"), Buffer.from("\r\n")]);
  },
};

/** What a false server would want of a user's key: requests, certificates, records, acceptances. */
export function stolenSignatures(
  callers: Callers,
  user: SigningCaller,
  options: { readonly url: string; readonly inviteText: string },
): readonly Handed[] {
  const { busId } = callers;
  const own = user.signer.key.publicKey;
  const thief = testKey();
  const record = Buffer.from(user.signer.genesis().record, "base64url");
  const { invite } = user.signer.proveInvite(options.inviteText);
  const said = Buffer.concat([Buffer.from(invite), own]);
  return [
    ...requests(user, options.url),
    ...written("a certificate", domainBytes("api-key", busId, thief.publicKey), {
      code: "certificate-wrong",
      present: (signature) => {
        const certificate = `${user.user}.${signature}`;
        const keyid = thief.publicKey.toString("base64url");
        const { base, ask } = requestOf({ url: options.url, keyid, certificate });
        return ask(thief.sign(base).toString("base64url"));
      },
    }),
    ...written("a record", domainBytes("record", busId, record), {
      code: "record-invalid",
      present: async (signature) => {
        const genesis = { record: record.toString("base64url"), signature };
        const body = { name: "stolen", content: "encrypted", genesis };
        return (await user.ask("POST", "/v1/rooms", { body })).code;
      },
    }),
    ...written("an acceptance", domainBytes("invite", busId, said), {
      code: "proof-wrong",
      present: async (proof) =>
        (await user.ask("POST", `/v1/invites/${invite}/redeem`, { body: { proof } })).code,
    }),
  ];
}

function written(
  what: string,
  wanted: Buffer,
  rest: Pick<Handed, "present" | "code">,
): readonly Handed[] {
  return Object.entries(WRITINGS).map(([how, lineOf]) => ({
    what: `${what}, ${how}`,
    wanted,
    line: lineOf(wanted),
    ...rest,
  }));
}

/** Bases of requests are text, so the clients do sign them: with the wrong key. */
function requests(user: SigningCaller, url: string): readonly Handed[] {
  const headers = user.signer.sign({ method: "GET", url, body: null, headers: {} });
  const certificate = headers["unibus-certificate"] ?? "";
  const apiKey = /keyid="([^"]+)"/.exec(headers["signature-input"] ?? "")?.[1] ?? "";
  const nkey = user.signer.key.publicKey.toString("base64url");
  const cases = [
    ["a request of the nkey itself", { keyid: nkey, certificate: null }, "key-unknown"],
    [
      "a request of the nkey, by another's certificate",
      { keyid: nkey, certificate },
      "certificate-wrong",
    ],
    ["a request of the certified key", { keyid: apiKey, certificate }, "signature-wrong"],
  ] as const;
  return cases.map(([what, by, code]) => {
    const { base, ask } = requestOf({ url, ...by });
    const line = infoLine(Buffer.from(JSON.stringify(base).slice(1, -1)));
    return { what, wanted: Buffer.from(base), line, present: ask, code };
  });
}

/** A question to a node as it would be signed, and how it is asked with a signature in base64url. */
function requestOf(by: {
  readonly url: string;
  readonly keyid: string;
  readonly certificate: string | null;
}): { readonly base: string; ask(signature: string): Promise<string> } {
  const { url, keyid, certificate } = by;
  const { host, pathname } = new URL(url);
  const values: Readonly<Record<string, string>> = {
    ...{ "@method": "GET", "@authority": host, "@path": pathname, "@query": "?" },
    ...(certificate === null ? {} : { "unibus-certificate": certificate }),
  };
  const components = Object.keys(values);
  const input = inputOf(components, parametersOf({ keyid, created: createdNow() }));
  return {
    base: baseOf(values, components, input),
    async ask(signature) {
      const response = await fetch(url, {
        headers: {
          "signature-input": `sig1=${input}`,
          signature: `sig1=:${Buffer.from(signature, "base64url").toString("base64")}:`,
          ...(certificate === null ? {} : { "unibus-certificate": certificate }),
        },
      });
      // Whatever is no problem has been accepted.
      const answer = (await response.json()) as { readonly code?: string };
      return answer.code ?? "accepted";
    },
  };
}

/** Bytes as they may stand in a string of JSON, none changed that need not be. */
function escaped(bytes: Buffer): Buffer {
  return Buffer.concat(
    [...bytes].map((byte) =>
      byte < 0x20 || byte === 0x22 || byte === 0x5c ? Buffer.from(unicode(byte)) : Buffer.of(byte),
    ),
  );
}

function mapped(bytes: Buffer, write: (byte: number) => string): Buffer {
  return Buffer.from([...bytes].map(write).join(""));
}

function unicode(code: number): string {
  return `\\u${code.toString(16).padStart(4, "0")}`;
}
