import { bypassProxies } from "../config/proxy.ts";
import { isLocalhost, isLoopbackAddress } from "../core/bind.ts";
import { COMMAND_TIMEOUT_MS } from "../core/limits.ts";
import { Problem, type ProblemCode } from "../core/problems.ts";
import { quote } from "../core/quote.ts";

/** Where a node of another machine is, and whom to believe that it is that one. */
export interface RemoteAddress {
  /** Origin of the API. */
  readonly url: string;
  /** PEM; null for the authorities that this machine trusts anyway. */
  readonly ca: string | null;
}

/**
 * Reads the URL of a node's API. In the clear it may only be on this machine, as the end of a tunnel is.
 * Throws "usage", or "node-untrusted" for plain HTTP to another machine.
 */
export function readNodeUrl(text: string): string {
  const url = URL.parse(text);
  const isHttp = url?.protocol === "https:" || url?.protocol === "http:";
  if (!isHttp || url.hostname === "" || url.href !== `${url.origin}/`) {
    throw new Problem(
      "usage",
      `Cannot use ${quote(text)} as the URL of a node: it must be like https://bus.example.org:8470, without path, user or query`,
    );
  }
  if (url.protocol === "http:" && !isLoopbackHost(url.hostname)) {
    throw new Problem(
      "node-untrusted",
      `Cannot use ${url.origin}: without TLS everybody on the way could read and change what is said; use https://, or a tunnel that ends on this machine`,
    );
  }
  return url.origin;
}

/** Makes a `fetch` that believes one certificate authority, whatever the environment says. */
export function remoteFetch(
  address: RemoteAddress,
): (url: string, init: RequestInit) => Promise<Response> {
  const { ca } = address;
  if (isLoopbackHost(new URL(address.url).hostname)) bypassProxies();
  return async (url, init) => {
    try {
      return await fetch(url, {
        ...init,
        signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS),
        // NODE_TLS_REJECT_UNAUTHORIZED switches off what is not said here.
        tls: { rejectUnauthorized: true, ...(ca === null ? {} : { ca }) },
        // BUN_CONFIG_VERBOSE_FETCH would print a token.
        verbose: false,
      });
    } catch (cause) {
      const { code, why } = faultOf(address, cause);
      throw new Problem(code, `Cannot reach ${address.url}: ${why}`, { cause });
    }
  };
}

function isLoopbackHost(hostname: string): boolean {
  return isLocalhost(hostname) || hostname === "[::1]" || isLoopbackAddress(hostname);
}

interface Fault {
  readonly code: ProblemCode;
  readonly why: string;
}

/** Certificates that lead to no authority that is believed. Source: OpenSSL, `X509_V_ERR_…`. */
const UNVERIFIED =
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_SIGNATURE_|CERT_UNTRUSTED|CERT_REJECTED|CERT_CHAIN_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_)/;

/** Says in our words why a connection failed; the library's are about sockets and certificates. */
function faultOf({ url, ca }: RemoteAddress, cause: unknown): Fault {
  const { hostname, protocol } = new URL(url);
  const unreachable = (why: string): Fault => ({ code: "node-unreachable", why });
  const untrusted = (why: string): Fault => ({ code: "node-untrusted", why });
  if (cause instanceof Error && cause.name === "TimeoutError") {
    return unreachable(`no answer within ${COMMAND_TIMEOUT_MS / 1000} s`);
  }
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (UNVERIFIED.test(code)) {
    return untrusted(
      ca === null
        ? "its certificate is signed by no authority that this machine trusts; give the node's own with --ca FILE"
        : "its certificate is not signed by the authority given with --ca; ask its operator for the right one",
    );
  }
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return untrusted(
        "its certificate has expired; its operator has to renew it, unless this machine's clock is wrong",
      );
    case "CERT_NOT_YET_VALID":
      return untrusted("its certificate is not valid yet; look at this machine's clock");
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return untrusted(
        `its certificate is not for ${hostname}; use a name that it is for, or have one made for this name`,
      );
    case "EPROTO":
      return untrusted(
        isLoopbackHost(hostname)
          ? "what answers there does not speak TLS as it must; if the node has none, its URL begins with http://"
          : "what answers there does not speak TLS as it must",
      );
    case "Malformed_HTTP_Response":
      return unreachable("what answers there does not speak HTTP; is the port that of the API");
    case "ECONNREFUSED":
    case "ConnectionRefused":
      return unreachable("nothing listens there; is the node running, and the port right");
    case "ENOTFOUND":
      return unreachable("this machine knows no address of that name");
    case "ECONNRESET":
    case "ConnectionClosed":
      return unreachable(
        protocol === "http:"
          ? "the connection was closed without an answer; if the node has TLS, its URL begins with https://"
          : "the connection was closed without an answer",
      );
    default:
      return unreachable(`it does not answer${/^[A-Za-z_]{1,40}$/.test(code) ? ` (${code})` : ""}`);
  }
}
