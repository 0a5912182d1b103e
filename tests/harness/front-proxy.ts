import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** A reverse proxy under a name of its own, which clients take for the node. */
export interface FrontProxy extends AsyncDisposable {
  readonly url: string;
  /** Names the node behind it. */
  aimAt(target: string): void;
  /** Method and path of each request that it handed on, as they came. */
  readonly passed: readonly string[];
}

/** Starts one that hands on everything as it came: the path, the Host, the body. */
export async function openFrontProxy(): Promise<FrontProxy> {
  const passed: string[] = [];
  let target = "";
  const server = createServer((asked, answer) => {
    passed.push(`${asked.method} ${asked.url}`);
    const { hostname, port } = new URL(target);
    const { method, url: path, headers } = asked;
    const sent = request({ hostname, port, method, path, headers, agent: false }, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(answer);
    });
    sent.on("error", () => answer.destroy());
    asked.pipe(sent);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server has an address of this kind.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    aimAt: (url) => {
      target = url;
    },
    passed,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
