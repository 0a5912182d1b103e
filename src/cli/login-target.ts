import { X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import { processEnvironment } from "../config/environment.ts";
import { loadNodePlace } from "../config/load.ts";
import { orProblem, readConfiguredFile } from "../config/private-file.ts";
import { certificateBlocks } from "../core/pem.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import type { Client } from "../sdk/client.ts";
import { commandName, placeArguments } from "./invocation.ts";
import { labelOf } from "./names.ts";
import { type Given, JSON_OPTION, type Shown, textOf } from "./node-command.ts";
import { folderOption } from "./node-options.ts";
import type { Option } from "./parse.ts";
import { folderOf } from "./place.ts";
import {
  type Credential,
  findProfileUrl,
  PROFILE_FILE,
  refuseAsProfileFolder,
  writeProfile,
} from "./profile.ts";
import { type RemoteAddress, readNodeUrl } from "./remote-fetch.ts";

export const URL_ARGUMENT = {
  name: "URL",
  required: true,
  help: "where the node's API is, e.g. https://bus.example.org:8470; http:// on this machine only",
} as const;

const CA_OPTION = {
  name: "ca",
  kind: "text",
  value: "FILE",
  help: "certificate authority that signed the node's certificate; without it those that this machine trusts",
} as const satisfies Option;

/** The options of a command that leads a folder to a node, behind its own. */
export function targetOptions(own: readonly Option[]): readonly Option[] {
  return [...own, CA_OPTION, JSON_OPTION, folderOption()];
}

/** The node that somebody wants to speak to, and the folder whose commands shall. */
export interface LoginTarget extends RemoteAddress {
  readonly folder: string;
  /** Absolute path of what `--ca` named, or null. */
  readonly caFile: string | null;
  /** The arguments that lead a later command to this folder. */
  readonly place: string;
}

/**
 * Reads where a login goes and refuses what cannot be one, before anything is asked or written.
 * Throws "usage", "node-untrusted", "tls-unusable", "file-exists" or "file-unusable".
 */
export function readTarget(urlText: string, given: Given): LoginTarget {
  const url = readNodeUrl(urlText);
  const settings = loadNodePlace(given, processEnvironment());
  const folder = folderOf(settings);
  refuseAsProfileFolder(folder, settings.db);
  const place = placeArguments(settings);
  const path = textOf(given, "ca");
  if (path === undefined) return { url, folder, place, ca: null, caFile: null };
  if (url.startsWith("http:")) {
    throw new Problem("usage", "Cannot use --ca: http:// has no certificate that it could sign");
  }
  return { url, folder, place, ca: readCa(path), caFile: resolve(path) };
}

function readCa(path: string): string {
  const attempt = `Cannot use --ca ${quote(path)}`;
  const text = orProblem("tls-unusable", attempt, () =>
    readConfiguredFile(path, { secret: false }),
  );
  const blocks = certificateBlocks(text);
  if (blocks.length === 0) {
    throw new Problem("tls-unusable", `${attempt}: the file holds no certificate in PEM form`);
  }
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      const detail = `${attempt}: the file holds a certificate that cannot be read`;
      throw new Problem("tls-unusable", detail, { cause });
    }
  }
  // Nothing else of the file is kept: a key that lies in it too is no business of ours.
  return `${blocks.join("\n")}\n`;
}

/**
 * Asks a node who one is there and, if that is a user who may come in, writes the profile.
 * Throws what the node refuses, and "user-unknown" where it takes one for nobody.
 */
export async function finishLogin(options: {
  readonly target: LoginTarget;
  readonly bus: string;
  readonly client: Client;
  readonly credential: Credential;
}): Promise<Shown> {
  const { target, bus, client, credential } = options;
  const { url, folder, ca, caFile, place } = target;
  const { user } = await client.me.show();
  if (user === null) {
    throw new Problem("user-unknown", `Cannot log in to ${url}: it takes this key for nobody's`);
  }
  const replaced = findProfileUrl(folder);
  writeProfile(folder, { url, bus, user: user.user, ca, caFile, credential });
  const lines = [
    `Logged in to ${url} as ${labelOf(user)}, ${user.role}.`,
    ...(replaced === null || replaced === url ? [] : [`The profile of ${replaced} is replaced.`]),
    "Commands speak to that node now, e.g.:",
    `  ${commandName()} whoami${place}`,
  ];
  const { name, role } = user;
  const document = { url, bus, user: user.user, name, role, profile: `${folder}/${PROFILE_FILE}` };
  return { document, lines };
}
