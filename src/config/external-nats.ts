import type { ExternalLogin, ExternalNats } from "../core/external-nats.ts";
import { Problem } from "../core/problems.ts";
import { quote } from "../core/quote.ts";
import type { NodeSettings } from "./load.ts";
import { FileFault, orProblem, readConfiguredFile } from "./private-file.ts";

/** Port of a NATS URL that names none. */
const NATS_PORT = 4222;
const PROTOCOLS: ReadonlySet<string> = new Set(["nats:", "tls:"]);
const CREDS =
  /^-----BEGIN NATS USER JWT-----\r?\n[\w.-]+\r?\n-+END NATS USER JWT-+[\s\S]*^-----BEGIN USER NKEY SEED-----\r?\nSU[A-Z2-7]{56}\r?\n-+END USER NKEY SEED-+/m;

/**
 * Reads what the settings say of an external NATS server, with the file of its credentials; null
 * without one. Throws `boot-refused` when the URL is none, or the file cannot be used.
 */
export function readExternalNats(
  settings: Pick<NodeSettings, "natsUrl" | "natsCreds">,
): ExternalNats | null {
  const { natsUrl, natsCreds } = settings;
  if (natsUrl === "") return null;
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(natsUrl) ? natsUrl : `nats://${natsUrl}`);
  const fault = urlFault(url, natsUrl);
  if (!url || fault) throw refused(`--nats-url is ${quote(natsUrl)}, and ${fault}`);
  const own = loginOf(url);
  if (own && natsCreds !== "") {
    throw refused("--nats-url holds credentials and --nats-creds names others; keep the file");
  }
  const port = url.port === "" ? NATS_PORT : Number(url.port);
  return {
    url: `${url.protocol}//${url.hostname}:${port}`,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    tls: url.protocol === "tls:",
    login: natsCreds === "" ? own : { kind: "creds", text: readCreds(natsCreds) },
  };
}

/** Says in words that follow "and" why a URL is not one of a NATS server, or null. */
function urlFault(url: URL | null, text: string): string | null {
  if (text.includes(",")) return "it takes one URL; the server tells its clients of the others";
  if (!url || url.hostname === "") return "it must be like nats://host:4222 or tls://host:4222";
  if (!PROTOCOLS.has(url.protocol)) return "only nats:// and tls:// can be used";
  const more =
    (url.pathname !== "/" && url.pathname !== "") || url.search !== "" || url.hash !== "";
  return more ? "nothing may follow its port" : null;
}

function loginOf(url: URL): ExternalLogin | null {
  if (url.username === "") return null;
  const user = decoded(url.username);
  if (url.password === "") return { kind: "token", token: user };
  return { kind: "password", user, password: decoded(url.password) };
}

/** As the URL meant it; a percent sign that begins no escape means itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readCreds(path: string): string {
  return orProblem(
    "boot-refused",
    `Cannot read the credentials of --nats-creds from ${quote(path)}`,
    () => {
      const text = readConfiguredFile(path, { secret: true });
      if (!CREDS.test(text)) {
        throw new FileFault(
          "holds no NATS credentials: a user JWT and its seed, as nsc writes them",
        );
      }
      return text;
    },
  );
}

function refused(why: string): Problem {
  return new Problem("boot-refused", `Cannot start: ${why}`);
}
