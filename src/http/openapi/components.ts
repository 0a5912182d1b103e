import { IDEMPOTENCY_KEY_CHARS_MAX } from "../../core/limits.ts";
import type { JsonSchema } from "./schema.ts";

/** Headers of answers. */
export const HEADERS: JsonSchema = {
  date: {
    description: "The node's time; whose clock is wrong sets it by this and signs anew",
    schema: { type: "string" },
  },
  etag: {
    description: "The version of what is answered, for `if-match`",
    schema: { type: "string", pattern: '^"[A-Za-z0-9_-]+"$' },
  },
  location: { description: "Where what was made is found", schema: { type: "string" } },
  "retry-after": {
    description: "Seconds to wait before asking again; not always known",
    schema: { type: "string", pattern: "^[0-9]+$" },
  },
  "unibus-seq": {
    description: "The number of the change in the journal",
    schema: { type: "string", pattern: "^[0-9]+$" },
  },
  "unibus-skew-ms": {
    description: "By how many milliseconds the node's clock is ahead of `created`",
    schema: { type: "string", pattern: "^-?[0-9]+$" },
  },
  "unibus-would-refuse": {
    description:
      "In the modes off and soft: the code with which enforce would refuse this request, which was answered as of `anonymous`",
    schema: { type: "string" },
  },
  "www-authenticate": {
    description: "How to prove who asks",
    schema: { type: "string" },
  },
};

/** Parameters that many routes take as headers of the request. */
export const HEADER_PARAMETERS: JsonSchema = {
  "idempotency-key": {
    name: "idempotency-key",
    in: "header",
    description:
      "Any text of one's own for this change: sent again with the same key and body, it is not done a second time, and the first outcome is answered",
    schema: { type: "string", pattern: `^[!-~]{1,${IDEMPOTENCY_KEY_CHARS_MAX}}$` },
  },
  "if-match": {
    name: "if-match",
    in: "header",
    description: "An `etag`: the change is refused if somebody else made one since",
    schema: { type: "string", pattern: '^"[A-Za-z0-9_-]+"$' },
  },
};

/** How a caller proves who it is. */
export const SECURITY_SCHEMES: JsonSchema = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description:
      "A token, as `unibus token create` prints it. It acts for its user, at most as its scope allows, until it expires.",
  },
  signature: {
    type: "http",
    scheme: "signature",
    description: `An HTTP message signature (RFC 9421) by the user's API key. A client makes one for each request, in the headers \`signature-input\` and \`signature\`; there is nothing to fill in here.

- Covered: \`@method\`, \`@authority\`, \`@path\`, \`@query\`; also \`content-digest\` (RFC 9530, sha-256) with a body, and \`idempotency-key\`, \`if-match\` and \`unibus-certificate\` where they are sent; nothing else.
- Parameters: \`created\`, \`expires\` (at most 60 seconds later), \`nonce\` (22 to 64 of A-Z a-z 0-9 - _), \`keyid\` (the API key in base64url), \`alg="ed25519"\`, \`tag="unibus/1"\`.
- A key that the node has not seen yet comes with its \`unibus-certificate\`: the user's nkey, a dot, and the nkey's signature over the key.`,
  },
};
