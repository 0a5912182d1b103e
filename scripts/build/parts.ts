import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Something of others that is inside an executable. */
export interface Part {
  readonly kind: "npm" | "go" | "runtime";
  readonly name: string;
  readonly version: string;
  /** As SPDX names it; of a text that none of our words fit, null. */
  readonly licence: string | null;
  /** The words of its licence and notices. */
  readonly texts: readonly string[];
  /** Base64 of the SHA-512 of what a registry has, or Go's own hash. */
  readonly integrity: string | null;
}

// What was bundled into a file lies beside it: swagger-ui-bundle.js.LICENSE.txt.
const LICENCE_FILE = /^(?:[\w-]+\.js\.)?(?:licen[cs]e|copying|notice|patents)(?:\b|[-_.]).*$/i;

/** The packages of npm that are inside, by their names; each tells its licence. */
export function npmParts(root: string, names: readonly string[]): readonly Part[] {
  const lock = readFileSync(join(root, "bun.lock"), "utf8");
  return names.map((name) => {
    const folder = join(root, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const entry = new RegExp(`"${name}@${version}".*"(sha512-[^"]+)"\\]`).exec(lock);
    return {
      kind: "npm",
      name,
      version,
      licence: license,
      texts: textsIn(folder),
      integrity: entry?.[1] ?? null,
    };
  });
}

/** Bun itself, with what its own page says about the libraries in it. */
export function runtimePart(root: string): Part {
  const { version } = JSON.parse(readFileSync(join(root, "node_modules/bun/package.json"), "utf8"));
  const page = join(root, "node_modules/bun-types/docs/project/license.mdx");
  return {
    kind: "runtime",
    name: "bun",
    version,
    licence: "MIT",
    texts: [readFileSync(page, "utf8")],
    integrity: null,
  };
}

/**
 * nats-server and the Go modules in it, as the server itself tells (`go version -m`), with their
 * licences from Go's folder of modules. Needs the go command.
 */
export function goParts(server: string, moduleFolder: string): readonly Part[] {
  const told = go(["version", "-m", server]);
  const goVersion = /: go(\S+)/.exec(told)?.[1] ?? "unknown";
  const rows = [...told.matchAll(/^\t(?:mod|dep)\t(\S+)\t(\S+)\t(h1:\S+)$/gm)];
  const parts = rows.map(([, name = "", version = "", integrity = ""]): Part => {
    const listed = go(["list", "-m", "-f", "{{.Dir}}", `${name}`], moduleFolder).trim();
    const texts = textsIn(listed);
    return { kind: "go", name, version, licence: licenceOf(texts), texts, integrity };
  });
  const own = textsIn(go(["env", "GOROOT"]).trim());
  return [
    ...parts,
    {
      kind: "go",
      name: "std",
      version: goVersion,
      licence: licenceOf(own),
      texts: own,
      integrity: null,
    },
  ];
}

function go(args: readonly string[], cwd = "/"): string {
  const child = Bun.spawnSync(["go", ...args], {
    cwd,
    env: { ...process.env, GOFLAGS: "-mod=mod" },
  });
  if (!child.success) throw new Error(`go ${args.join(" ")}: ${child.stderr.toString().trim()}`);
  return child.stdout.toString();
}

function textsIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => LICENCE_FILE.test(name))
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8").trim());
}

const WORDS: readonly (readonly [licence: string, words: RegExp])[] = [
  ["Apache-2.0", /Apache License\s+Version 2\.0/],
  ["MIT", /Permission is hereby granted, free of charge/],
  ["BSD-3-Clause", /Redistribution and use[\s\S]*Neither the name/],
  ["BSD-2-Clause", /Redistribution and use/],
];

/** The licences whose words stand in some texts, as SPDX joins them. */
export function licenceOf(texts: readonly string[]): string | null {
  const text = texts.join("\n");
  const found = WORDS.filter(([, words]) => words.test(text)).map(([licence]) => licence);
  // The longer of the two holds the words of the shorter one.
  const own = found.filter((one) => one !== "BSD-2-Clause" || !found.includes("BSD-3-Clause"));
  return own.length === 0 ? null : own.sort().join(" AND ");
}

/** Renders the licences of all parts as one text. Throws when a part has none. */
export function renderThirdParty(parts: readonly Part[]): string {
  const without = parts.filter(({ texts, licence }) => texts.length === 0 && licence === null);
  if (without.length > 0) {
    throw new Error(`No licence is known of ${without.map(({ name }) => name).join(", ")}`);
  }
  const sections = parts.map(({ name, version, licence, texts }) =>
    [
      "=".repeat(80),
      `${name} ${version}`,
      `Licence: ${licence ?? "see below"}`,
      "",
      ...(texts.length > 0 ? texts : ["(Its package carries no text beside this name.)"]),
      "",
    ].join("\n"),
  );
  return [
    "The executable of unibus holds the following parts of others, each under its own licence.",
    "unibus itself is under the Apache License 2.0: see LICENSE.",
    "",
    ...sections,
  ].join("\n");
}
