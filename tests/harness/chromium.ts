import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { writeProgram } from "./fake-programs.ts";
import type { OwnNetwork } from "./own-network.ts";
import { temporaryFolder } from "./unibus.ts";

/** The browser of this machine, or null: the one that is not also somebody's assistant and calls home. */
export const CHROMIUM = Bun.which("chromium-headless-shell");

/** Nothing that the browser does by itself, and nothing that needs a screen. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A headless browser with an empty profile. */
export interface OpenChromium extends AsyncDisposable {
  readonly browser: Browser;
  /** Closes it, and tells to where it tried to connect and which names it wanted to know. */
  close(): Promise<readonly string[]>;
}

export async function openChromium(options: {
  /** The network it runs in, if not this machine's own. */
  readonly network?: OwnNetwork;
  /** Names that are this machine, for its pages. */
  readonly names?: readonly string[];
}): Promise<OpenChromium> {
  const { network, names = [] } = options;
  const folder = temporaryFolder();
  const log = join(folder.path, "net-log.json");
  const program = join(folder.path, "chromium");
  const prefix = (network?.prefix ?? []).map((word) => `'${word}'`).join(" ");
  writeProgram(program, `exec ${prefix} '${CHROMIUM}' "$@"`);
  const rules = names.map((name) => `MAP ${name} 127.0.0.1`).join(", ");
  const browser = await chromium.launch({
    executablePath: program,
    headless: true,
    args: [...FLAGS, `--log-net-log=${log}`, ...(rules ? [`--host-resolver-rules=${rules}`] : [])],
    env: { PATH: process.env.PATH ?? "", HOME: folder.path },
  });
  return {
    browser,
    async close() {
      await browser.close();
      return readNetLog(readFileSync(log, "utf8"));
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      folder[Symbol.dispose]();
    },
  };
}

/** What of a log of Chromium's network stack these tests read. */
interface NetLog {
  readonly constants: { readonly logEventTypes: Readonly<Record<string, number>> };
  readonly events: readonly {
    readonly type: number;
    readonly params?: { readonly address?: string; readonly host?: string };
  }[];
}

/** The addresses that were called and the names that were looked up, each once. */
function readNetLog(text: string): readonly string[] {
  const { constants, events }: NetLog = JSON.parse(text);
  const { TCP_CONNECT_ATTEMPT, UDP_BYTES_SENT, HOST_RESOLVER_MANAGER_REQUEST } =
    constants.logEventTypes;
  const wanted = [TCP_CONNECT_ATTEMPT, UDP_BYTES_SENT, HOST_RESOLVER_MANAGER_REQUEST];
  if (wanted.includes(undefined)) throw new Error("Chromium's log has other words by now");
  const targets = events
    .filter(({ type }) => wanted.includes(type))
    // A name to look up stands there as an origin.
    .flatMap(({ params }) => params?.address ?? params?.host?.replace(/^\w+:\/\//, "") ?? []);
  return [...new Set(targets)].sort();
}
