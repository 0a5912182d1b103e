import { createHash } from "node:crypto";
// @ts-expect-error: as above.
import stylePath from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
// @ts-expect-error: no types belong to it, as it is a path, also in the executable.
import scriptPath from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
// @ts-expect-error: as above.
import startPath from "./explorer.js" with { type: "file" };
// @ts-expect-error: as above.
import pagePath from "./page.css" with { type: "file" };

interface Asset {
  readonly path: string;
  readonly type: string;
}

const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

/** The files that pages ask for, by their names. */
const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["swagger-ui-bundle.js", { path: scriptPath, type: SCRIPT }],
  ["swagger-ui.css", { path: stylePath, type: STYLE }],
  ["explorer.js", { path: startPath, type: SCRIPT }],
  ["page.css", { path: pagePath, type: STYLE }],
]);

let version: Promise<string> | null = null;

/** Names what all files hold, so that browsers may keep them for ever: other files, another path. */
export function assetsVersion(): Promise<string> {
  version ??= hashAssets();
  return version;
}

async function hashAssets(): Promise<string> {
  const hash = createHash("sha256");
  for (const { path } of ASSETS.values()) hash.update(await Bun.file(path).bytes());
  return hash.digest("hex").slice(0, 16);
}

/** The path of a file, for a page. */
export async function assetPath(name: string): Promise<string> {
  return `/swagger/assets/${await assetsVersion()}/${name}`;
}

/** Finds a file of this version, or null. */
export async function findAsset(asked: {
  readonly version: string;
  readonly file: string;
}): Promise<Asset | null> {
  const asset = ASSETS.get(asked.file);
  return asset && asked.version === (await assetsVersion()) ? asset : null;
}
