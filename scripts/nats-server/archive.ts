import { withProgress } from "./progress.ts";

export interface ArchiveLimits {
  /** How long each server asked may take to connect and begin its answer. */
  readonly answerMs: number;
  readonly totalMs: number;
  readonly sizeBytes: number;
}

const LIMITS: ArchiveLimits = {
  answerMs: 5_000,
  totalMs: 5 * 60_000,
  // Ten times what a release has: bytes without end shall end.
  sizeBytes: 64 * 1024 * 1024,
};
const REDIRECTS_MAX = 5;

/**
 * Downloads an archive. Its bytes stay in memory until their hash is the expected one: others are
 * dropped there, and never unpacked or written. Throws with the reason.
 */
export async function downloadArchive(options: {
  readonly url: URL;
  readonly sha256: string;
  readonly limits: Partial<ArchiveLimits>;
  readonly say: (line: string) => void;
}): Promise<Uint8Array> {
  const { url, sha256, say } = options;
  const limits = { ...LIMITS, ...options.limits };
  say(`Downloading ${url}`);
  const bytes = await download({ url, limits, say });
  const found = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  if (found !== sha256) {
    throw new Error(`${url} has SHA-256 ${found} instead of ${sha256}; its bytes were dropped`);
  }
  return bytes;
}

/** The one file of an archive that is wanted; nothing else of it is looked at. */
export async function unpackServer(archive: Uint8Array, name: string): Promise<Blob> {
  const files = await new Bun.Archive(archive).files(name);
  const file = files.get(name);
  if (!file) throw new Error(`the archive has no ${name}`);
  return file;
}

async function download(options: {
  readonly url: URL;
  readonly limits: ArchiveLimits;
  readonly say: (line: string) => void;
}): Promise<Uint8Array> {
  const { url, limits, say } = options;
  const total = deadline(limits.totalMs, "it did not end");
  try {
    const body = await openBody({ url, limits, signal: total.signal });
    const pieces: Uint8Array[] = [];
    let sizeBytes = 0;
    const describe = () => `Still downloading nats-server: ${(sizeBytes / 1e6).toFixed(1)} MB`;
    await withProgress({ say, describe }, async () => {
      for await (const piece of body) {
        sizeBytes += piece.length;
        if (sizeBytes > limits.sizeBytes) {
          throw new Error(`it sends more than ${limits.sizeBytes} bytes`);
        }
        pieces.push(piece);
      }
    });
    return Buffer.concat(pieces);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new Error(`${url}: ${words}`, { cause: error });
  } finally {
    total.clear();
  }
}

/** Follows redirects by hand, so that each server has its own time and none leads out of HTTPS. */
async function openBody(options: {
  readonly url: URL;
  readonly limits: ArchiveLimits;
  readonly signal: AbortSignal;
}): Promise<ReadableStream<Uint8Array>> {
  let url = options.url;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const answer = deadline(options.limits.answerMs, `${url.host} did not answer`);
    const signal = AbortSignal.any([options.signal, answer.signal]);
    const response = await fetch(url, { redirect: "manual", signal }).finally(answer.clear);
    const next = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && next) {
      await response.body?.cancel();
      const protocol = url.protocol;
      url = new URL(next, url);
      if (url.protocol !== protocol) throw new Error(`it leads to ${url.protocol}//${url.host}`);
      continue;
    }
    if (response.status === 200 && response.body) return response.body;
    await response.body?.cancel();
    throw new Error(`${url.host} answered ${response.status}`);
  }
  throw new Error(`it leads on more than ${REDIRECTS_MAX} times`);
}

function deadline(
  afterMs: number,
  words: string,
): { readonly signal: AbortSignal; readonly clear: () => void } {
  const controller = new AbortController();
  const late = () => controller.abort(new Error(`${words} within ${afterMs} ms`));
  const timer = setTimeout(late, afterMs);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}
