// Must be the first import: @peculiar/x509 needs the metadata API when it is loaded.
import "./reflect.ts";
import { isIP } from "node:net";
import {
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from "@peculiar/x509";

const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;

/** Makes a node's key and the request for its certificate, both PEM. Source: RFC 2986. */
export async function makeNodeRequest(
  hosts: readonly string[],
): Promise<{ readonly request: string; readonly key: string }> {
  const keys = await crypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
  const names = hosts.map((value) => ({ type: isIP(value) ? "ip" : "dns", value }) as const);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: ["unibus node"] }],
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [new SubjectAlternativeNameExtension(names)],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    request: `${request.toString("pem")}\n`,
    key: `${PemConverter.encode(key, "PRIVATE KEY")}\n`,
  };
}
