import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";

/** Secret halves of nkeys of every kind. */
const SEED = /S[ACNOUX][A-Z2-7]{56}/;

/** A place that may hold a secret, and what is in it, byte by byte. */
export interface Searched {
  readonly where: string;
  readonly content: string;
}

/** Says in which places a seed or one of the planted words stands; never which one. */
export function findSecrets(
  places: readonly Searched[],
  planted: readonly string[],
): readonly string[] {
  return places
    .filter(({ content }) => SEED.test(content) || planted.some((word) => content.includes(word)))
    .map(({ where }) => where);
}

/** Every file below a folder but those in folders named `keys`. Sockets have no content. */
export function filesOf(folder: string): readonly Searched[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).flatMap((name) => {
    const path = join(folder, name);
    if (name.split("/").includes("keys") || !lstatSync(path).isFile()) return [];
    return [{ where: relative(folder, path), content: readFileSync(path, "latin1") }];
  });
}

/** Arguments and environment of a process and of all below it, as any program of this user sees them. */
export function processesBelow(pid: number): readonly Searched[] {
  const [path = ""] = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
  const name = basename(path);
  const own = (["cmdline", "environ"] as const).map((part) => ({
    where: `${part} of ${name}`,
    content: readFileSync(`/proc/${pid}/${part}`, "latin1"),
  }));
  return [...own, ...childrenOf(pid).flatMap(processesBelow)];
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1")
      .split(" ")
      .filter((child) => child !== "")
      .map(Number),
  );
}
