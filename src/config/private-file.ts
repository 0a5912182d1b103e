import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { CONFIG_FILE_BYTES_MAX } from "../core/limits.ts";
import { Problem, type ProblemCode } from "../core/problems.ts";
import { quote } from "../core/quote.ts";

/** Why a file cannot be used, in words that follow "it". */
export class FileFault extends Error {
  override readonly name = "FileFault";
}

/**
 * Reads a small file that somebody configured. The checks are made on the opened file, so that what
 * was judged is what is read. Throws `FileFault` with the reason.
 */
export function readConfiguredFile(path: string, options: { readonly secret: boolean }): string {
  let file: number;
  try {
    // Without O_NONBLOCK the open of a named pipe would wait for a writer.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new FileFault(openFault(error), { cause: error });
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new FileFault("is not a file");
    if (options.secret && isOpenToOthers(status, process.getuid?.() ?? 0)) {
      const mode = (status.mode & 0o777).toString(8).padStart(4, "0");
      // To be pasted, so only where a shell takes the path as it stands.
      const words = /^[A-Za-z0-9_./@%+,-]+$/.test(path)
        ? `: chmod 600 ${path}`
        : " chmod 600 on it";
      throw new FileFault(`can be read by others (mode ${mode}); run${words}`);
    }
    if (status.size > CONFIG_FILE_BYTES_MAX) {
      throw new FileFault(`has more than ${CONFIG_FILE_BYTES_MAX} bytes`);
    }
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof FileFault) throw error;
    throw new FileFault(openFault(error), { cause: error });
  } finally {
    closeSync(file);
  }
}

/**
 * Says whether others than its reader may read a file. One that root owns may be open to a group: so
 * systemd and Kubernetes hand a secret to a user whom they do not make its owner.
 * Source: PostgreSQL, "Secure TCP/IP Connections with SSL", has the same rule.
 */
export function isOpenToOthers(
  file: { readonly uid: number; readonly mode: number },
  reader: number,
): boolean {
  const handedOver = file.uid === 0 && reader !== 0;
  return (file.mode & (handedOver ? 0o037 : 0o077)) !== 0;
}

function openFault(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
  if (code === "EACCES" || code === "EPERM") return "may not be read by this user";
  return `cannot be read (${code})`;
}

/**
 * Reads a secret from a file: its one line, without the line's end.
 * Throws `boot-refused` when the file is missing, empty, readable by others or holds more than a line.
 */
export function readSecretFile(path: string, what: string): string {
  const secret = orProblem("boot-refused", `Cannot read ${what} from ${quote(path)}`, () =>
    readConfiguredFile(path, { secret: true }),
  ).replace(/\r?\n$/, "");
  if (secret === "" || /\p{Cc}/u.test(secret)) {
    const why = secret === "" ? "is empty" : "holds more than one line of text";
    throw new Problem("boot-refused", `Cannot read ${what} from ${quote(path)}: the file ${why}`);
  }
  return secret;
}

/** Runs a reading of a file and tells its fault as a problem. */
export function orProblem<T>(code: ProblemCode, attempt: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    throw new Problem(code, `${attempt}: the file ${error.message}`, { cause: error });
  }
}
