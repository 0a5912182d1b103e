/**
 * What is taken of TLS 1.2, on both planes: suites that encrypt and authenticate in one (AEAD), under a key
 * that is made anew for each connection. The three of TLS 1.3 are like that, and fixed.
 * Source: RFC 9325 section 4.2; names of IANA, and those that OpenSSL gave the same suites.
 */
const SUITES = [
  ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
] as const;

/** As nats-server's `cipher_suites` wants them. */
export const CIPHER_SUITES: readonly string[] = SUITES.map(([iana]) => iana);

/** As BoringSSL's list of ciphers wants them. */
export const CIPHER_LIST: string = SUITES.map(([, openssl]) => openssl).join(":");
