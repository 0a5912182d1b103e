/**
 * Which parts of a request are signed, and in which words. A strict profile of RFC 9421, for the client
 * that signs and the node that verifies.
 */

/** What names this profile, so that a signature for another use is none for us. */
export const SIGNATURE_TAG = "unibus/1";
export const SIGNATURE_ALGORITHM = "ed25519";
/** Carries the certificate of the key that signs: `<nkey>.<signature in base64url>`. */
export const CERTIFICATE_HEADER = "unibus-certificate";

/** Parts that every signature covers. Source: RFC 9421, section 2.2. */
export const COVERED_ALWAYS = ["@method", "@authority", "@path", "@query"] as const;
/**
 * Headers that a signature covers if the request has them, and not otherwise. The certificate is one:
 * somebody else's could be put in its place, and the request would be theirs.
 */
export const COVERED_HEADERS = [
  "content-digest",
  "idempotency-key",
  "if-match",
  CERTIFICATE_HEADER,
] as const;

export type Component = (typeof COVERED_ALWAYS)[number] | (typeof COVERED_HEADERS)[number];

/** The parts of a request that can be signed; a header is null where there is none. */
export type SignableRequest = Readonly<
  Record<(typeof COVERED_ALWAYS)[number], string> &
    Record<(typeof COVERED_HEADERS)[number], string | null>
>;

/** What a signature says of itself. Times are seconds since the epoch. */
export interface SignatureParameters {
  readonly created: number;
  readonly expires: number;
  /** 22 to 64 characters of base64url: nobody signs two requests with one. */
  readonly nonce: string;
  /** The 32 bytes of the API key, in base64url. */
  readonly keyid: string;
}

/** The parts that the signature of this request has to cover. */
export function componentsOf(request: SignableRequest): readonly Component[] {
  return [...COVERED_ALWAYS, ...COVERED_HEADERS.filter((name) => request[name] !== null)];
}

/** Renders the value of `signature-input`, less its label, in the order of the profile. */
export function renderSignatureInput(
  components: readonly Component[],
  { created, expires, nonce, keyid }: SignatureParameters,
): string {
  return [
    `(${components.map((component) => `"${component}"`).join(" ")})`,
    `created=${created}`,
    `expires=${expires}`,
    `nonce="${nonce}"`,
    `keyid="${keyid}"`,
    `alg="${SIGNATURE_ALGORITHM}"`,
    `tag="${SIGNATURE_TAG}"`,
  ].join(";");
}

/**
 * Renders what is signed: a line for each component, and one for the signature's own words. `input` is
 * the value of `signature-input`, less its label. Source: RFC 9421, section 2.5.
 */
export function renderSignatureBase(
  request: Readonly<Record<string, string | null>>,
  components: readonly string[],
  input: string,
): string {
  let base = "";
  for (const component of components) base += `"${component}": ${request[component] ?? ""}\n`;
  return `${base}"@signature-params": ${input}`;
}

/** The Host as it is signed: in lower case, without the default port of the scheme. */
export function authorityOf(host: string, scheme: "http:" | "https:"): string {
  const authority = host.toLowerCase();
  const port = scheme === "https:" ? ":443" : ":80";
  return authority.endsWith(port) ? authority.slice(0, -port.length) : authority;
}
