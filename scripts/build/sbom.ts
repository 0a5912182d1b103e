import { createHash } from "node:crypto";
import { VERSION } from "../../src/core/version.ts";
import type { Part } from "./parts.ts";

/** What a bill of materials is about. */
export interface Described {
  readonly target: string;
  readonly executableSha256: string;
  readonly natsServerSha256: string;
  readonly parts: readonly Part[];
}

/**
 * Renders the bill of materials of an executable. It has no time and no random number in it: the same
 * executable has the same one. Source: CycloneDX 1.6, JSON.
 */
export function renderSbom({
  target,
  executableSha256,
  natsServerSha256,
  parts,
}: Described): string {
  const components = parts.map((part) => componentOf(part, natsServerSha256));
  const whole = {
    type: "application",
    "bom-ref": "unibus",
    name: "unibus",
    version: VERSION,
    description: `The executable for ${target}`,
    hashes: [{ alg: "SHA-256", content: executableSha256 }],
    licenses: [{ license: { id: "Apache-2.0" } }],
  };
  const server = parts.find(isServer);
  const inServer = parts.filter((part) => part.kind === "go" && !isServer(part)).map(refOf);
  const direct = parts.filter((part) => part.kind !== "go" || isServer(part)).map(refOf);
  const bom = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: serialOf(`${VERSION} ${target} ${executableSha256}`),
    version: 1,
    metadata: { component: whole },
    components,
    dependencies: [
      { ref: "unibus", dependsOn: direct },
      ...(server ? [{ ref: refOf(server), dependsOn: inServer }] : []),
    ],
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}

function isServer({ name }: Part): boolean {
  return name === "github.com/nats-io/nats-server/v2";
}

function componentOf(part: Part, natsServerSha256: string) {
  const { name, version, licence, integrity } = part;
  const hashes = [
    ...(isServer(part) ? [{ alg: "SHA-256", content: natsServerSha256 }] : []),
    ...(integrity?.startsWith("sha512-")
      ? [{ alg: "SHA-512", content: Buffer.from(integrity.slice(7), "base64").toString("hex") }]
      : []),
  ];
  return {
    type: isServer(part) ? "application" : part.kind === "runtime" ? "platform" : "library",
    "bom-ref": refOf(part),
    name,
    version,
    purl: refOf(part),
    ...(licence === null ? {} : { licenses: [licenceField(licence)] }),
    ...(hashes.length > 0 ? { hashes } : {}),
    ...(integrity?.startsWith("h1:")
      ? { properties: [{ name: "unibus:go-sum", value: integrity }] }
      : {}),
  };
}

function licenceField(licence: string) {
  return licence.includes(" ") ? { expression: licence } : { license: { id: licence } };
}

/** Its package URL. Source: purl-spec, types npm and golang. */
function refOf({ kind, name, version }: Part): string {
  if (kind === "go") return `pkg:golang/${name}@${version}`;
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

/** A UUID that follows from the content. */
function serialOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
  ];
  return `urn:uuid:${[...parts, hex.slice(20, 32)].join("-")}`;
}
