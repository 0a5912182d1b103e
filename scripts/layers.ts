import { readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { type CheckResult, faultsOf, placeOf, readSources, type Source } from "./source-tree.ts";

interface Layer {
  /** Folders of ours. */
  readonly imports: readonly string[];
  /** Packages and built-in modules: a name, or the beginning of names when it ends in `:` or `/`. */
  readonly packages: readonly string[];
  /** What the folder is for, as ARCHITECTURE.md says it. */
  readonly holds: string;
}

/** What each folder of src may import. A change here is a change to ARCHITECTURE.md as well. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  core: {
    imports: [],
    packages: [],
    holds: "values in, values out: no machine, no clock, no luck",
  },
  contract: {
    imports: ["core"],
    packages: ["@sinclair/typebox"],
    holds: "the shape of each request and response",
  },
  system: { imports: [], packages: ["node:", "bun:"], holds: "the machine, nothing of ours" },
  config: {
    imports: ["core", "system"],
    packages: ["node:"],
    holds: "settings, from flags and environment",
  },
  store: { imports: ["core", "system"], packages: ["node:", "bun:sqlite"], holds: "all the SQL" },
  journal: {
    imports: ["core", "system"],
    packages: ["node:", "bun:sqlite"],
    holds: "the order of operations",
  },
  nats: {
    imports: ["core", "system"],
    packages: ["node:", "@nats-io/"],
    holds: "the nats-server process and what is said to it",
  },
  http: {
    imports: ["core", "contract"],
    packages: ["node:", "elysia", "@sinclair/typebox", "swagger-ui-dist"],
    holds: "routes; the rest arrives as functions",
  },
  sdk: { imports: ["core", "contract"], packages: [], holds: "the client: web standards only" },
  server: {
    imports: ["core", "contract", "system", "config", "store", "journal", "nats", "http", "server"],
    packages: ["node:"],
    holds: "wires the others: no rule, no SQL, no route",
  },
  cli: {
    imports: ["core", "contract", "sdk", "config", "system"],
    packages: ["node:", "citty", "@nats-io/nkeys", "@peculiar/x509", "reflect-metadata"],
    holds: "commands; one file each",
  },
  "main.ts": { imports: ["cli", "core", "system"], packages: [], holds: "argv to exit code" },
};

/** Files that may import one folder more than their own folder may. */
export const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  "cli/run-node.ts": ["server"],
  "cli/up.ts": ["server"],
  "cli/offline.ts": ["server"],
  "cli/node-restore.ts": ["server"],
};

interface Touch {
  readonly what: string;
  /** Matched against code without comments and strings. */
  readonly pattern: RegExp;
  /** Says whether a path, from the root, may not touch it. */
  readonly forbidden: (path: string) => boolean;
  readonly rule: string;
}

const inFolders = (path: string, ...folders: readonly string[]) =>
  folders.some((folder) => path.startsWith(`${folder}/`));

/** What may be touched where, beyond imports. */
const TOUCHES: readonly Touch[] = [
  {
    what: "the machine, the clock or luck",
    pattern:
      /(?<![.\w$])(?:Bun|Date|fetch|crypto|process|performance|setTimeout|setInterval)\b(?!\s*\??:)|\bMath\.random\b/g,
    forbidden: (path) => inFolders(path, "src/core"),
    rule: "core takes them as values",
  },
  {
    what: "Bun or the process",
    pattern: /(?<![.\w$])(?:Bun|process)\b(?!\s*\??:)/g,
    forbidden: (path) => inFolders(path, "src/sdk", "src/contract"),
    rule: "it also runs where there is neither",
  },
  {
    what: "process.exit",
    pattern: /\bprocess\.exit\b/g,
    forbidden: (path) => inFolders(path, "src") && path !== "src/main.ts",
    rule: "only src/main.ts ends the process",
  },
  {
    what: "console",
    pattern: /(?<![.\w$])console\.\w+/g,
    forbidden: (path) =>
      inFolders(path, "src") && path !== "src/system/log.ts" && path !== "src/cli/output.ts",
    rule: "only src/system/log.ts and src/cli/output.ts write lines",
  },
  {
    what: "process.env",
    pattern: /\b(?:process|Bun)\.env\b/g,
    forbidden: (path) => inFolders(path, "src") && !inFolders(path, "src/config"),
    rule: "only src/config reads the environment",
  },
];

const IMPORT = /(?<!\.)\b(?:from|import\s*\(|import)\s*(?=["'])/g;

interface Import {
  readonly specifier: string;
  readonly at: number;
}

/** The specifiers a file imports: type imports, re-exports and `import()` included. */
export function importsOf(source: Source): readonly Import[] {
  const found: Import[] = [];
  for (const match of source.code.matchAll(IMPORT)) {
    const start = match.index + match[0].length;
    const span = source.strings.find((string) => string.start === start);
    if (span) {
      found.push({ specifier: source.text.slice(span.start + 1, span.end - 1), at: match.index });
    }
  }
  return found;
}

/** The folder of src a path lies in, or the file itself when it lies in src. */
function layerOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** Says what of the rules of folders the sources break. */
export function checkLayers(sources: readonly Source[]): CheckResult {
  let seen = 0;
  const findings: string[] = [];
  for (const source of sources) {
    for (const touch of TOUCHES) {
      if (!touch.forbidden(source.path)) continue;
      for (const match of source.code.matchAll(touch.pattern)) {
        findings.push(`${placeOf(source, match.index)} touches ${touch.what}: ${touch.rule}`);
      }
    }
    if (!source.path.startsWith("src/")) continue;
    const layer = LAYERS[layerOf(source.path)];
    if (!layer) {
      findings.push(`${source.path}: its folder has no row in scripts/layers.ts`);
      continue;
    }
    for (const { specifier, at } of importsOf(source)) {
      seen++;
      const fault = refuseImport(source.path, specifier, layer);
      if (fault) findings.push(`${placeOf(source, at)} imports "${specifier}": ${fault}`);
    }
  }
  return { name: "layers", seen, what: "imports", findings };
}

function refuseImport(path: string, specifier: string, layer: Layer): string | null {
  const own = layerOf(path);
  if (!specifier.startsWith(".")) {
    const allowed = layer.packages.some((name) =>
      /[:/]$/.test(name)
        ? specifier.startsWith(name)
        : specifier === name || specifier.startsWith(`${name}/`),
    );
    return allowed ? null : `${own} may use ${listed(layer.packages)}`;
  }
  const target = posix.join(posix.dirname(path), specifier);
  if (target === "package.json") return null;
  if (!target.startsWith("src/")) return "src imports nothing outside itself but package.json";
  const to = layerOf(target);
  const more = EXCEPTIONS[path.slice("src/".length)] ?? [];
  if (to === own || layer.imports.includes(to) || more.includes(to)) return null;
  return `${own} may import ${listed(layer.imports)}`;
}

function listed(names: readonly string[]): string {
  return names.length > 0 ? names.join(", ") : "nothing";
}

/** Renders the rules as the table of ARCHITECTURE.md. */
export function layerTable(): string {
  const cell = (names: readonly string[]) => (names.length > 0 ? names.join(", ") : "–");
  const rows = Object.entries(LAYERS).map(
    ([name, layer]) =>
      `| ${name} | ${cell(layer.imports.filter((other) => other !== name))} | ${cell(layer.packages)} | ${layer.holds} |`,
  );
  const exceptions = Object.entries(EXCEPTIONS).map(([file, more]) => `${file} (${more})`);
  return [
    "| folder | may import | packages | holds |",
    "|---|---|---|---|",
    ...rows,
    "",
    `May import one folder more: ${exceptions.join(", ")}.`,
    "",
    ...TOUCHES.map((touch) => `- ${touch.what}: ${touch.rule}.`),
  ].join("\n");
}

const MARKERS = /(<!-- layers: .*? -->\n)[\s\S]*?(<!-- \/layers -->)/;

/** The document with its table renewed, or null when it has no place for it. */
export function withLayerTable(document: string): string | null {
  if (!MARKERS.test(document)) return null;
  return document.replace(MARKERS, (_, open, close) => `${open}${layerTable()}\n${close}`);
}

/** The files that a document names between backticks, `cli/up.ts` or `src/main.ts`, and no source is. */
export function missingFiles(document: string, paths: ReadonlySet<string>): readonly string[] {
  const named = [...document.matchAll(/`([\w./-]+\.ts)`/g)].map(([, name = ""]) => name);
  return named.filter((name) => !paths.has(name) && !paths.has(`src/${name}`));
}

/** Checks the folders of src and the table in ARCHITECTURE.md; writes the table when asked. */
export function checkLayersOf(root: string, write: "write" | "check"): CheckResult {
  const result = checkLayers(readSources(root, ["src"]));
  const path = join(root, "ARCHITECTURE.md");
  const document = readFileSync(path, "utf8");
  const renewed = withLayerTable(document);
  const paths = new Set(readSources(root, ["src", "scripts"]).map((source) => source.path));
  const findings = [
    ...result.findings,
    ...missingFiles(document, paths).map(
      (name) => `ARCHITECTURE.md names ${name}, which is not there`,
    ),
  ];
  if (renewed === null) findings.push("ARCHITECTURE.md has no markers for the table of layers");
  else if (renewed !== document && write === "write") writeFileSync(path, renewed);
  else if (renewed !== document) {
    findings.push("ARCHITECTURE.md differs from the rules. Run: bun scripts/layers.ts --write");
  }
  return { ...result, findings };
}

if (import.meta.main) {
  if (process.argv.includes("--print")) process.stdout.write(`${layerTable()}\n`);
  else {
    const write = process.argv.includes("--write") ? "write" : "check";
    const faults = faultsOf(checkLayersOf(join(import.meta.dir, ".."), write));
    for (const fault of faults) process.stderr.write(`${fault}\n`);
    process.exitCode = faults.length > 0 ? 1 : 0;
  }
}
