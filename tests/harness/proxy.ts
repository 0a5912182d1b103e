import { request } from "node:http";

/** A small reverse proxy, as stands in front of a node. */
export interface ReverseProxy extends AsyncDisposable {
  readonly url: string;
}

/** An answer as a client reads it. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/**
 * Asks from one address of loopback, of which Linux has all of 127.0.0.0/8: each is a client of its
 * own to whom it asks.
 */
export async function askFrom(
  address: string,
  url: string,
  asked: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<PlainAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PlainAnswer>();
  const { method = "GET", headers = {} } = asked;
  const sent = request(url, { localAddress: address, agent: false, method, headers }, (answer) => {
    let text = "";
    answer.on("data", (data) => {
      text += data;
    });
    answer.on("end", () =>
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
    );
  });
  sent.on("error", reject);
  sent.end();
  return await promise;
}

/**
 * Starts a proxy that hands requests to `target` from an address of its own, under the Host that the
 * node knows, and adds to `x-forwarded-for` whom it heard, as proxies do.
 */
export function openProxy(options: {
  readonly target: string;
  readonly address: string;
}): ReverseProxy {
  const { target, address } = options;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(asked, bun) {
      const { pathname, search } = new URL(asked.url);
      const heard = bun.requestIP(asked)?.address ?? "unknown";
      const before = asked.headers.get("x-forwarded-for");
      const headers = {
        ...Object.fromEntries(asked.headers),
        host: new URL(target).host,
        "x-forwarded-for": before === null ? heard : `${before}, ${heard}`,
      };
      const { method } = asked;
      const answer = await askFrom(address, `${target}${pathname}${search}`, { method, headers });
      return new Response(answer.text, { status: answer.status });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
