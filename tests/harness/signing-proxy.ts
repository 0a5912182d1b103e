import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Signer } from "./signer.ts";

/** What `authorization` has to be for the proxy to sign in its place; without it nothing is proved. */
export const SIGN = "sign";

/** A proxy that signs whatever passes through, for programs that cannot sign. */
export interface SigningProxy extends AsyncDisposable {
  readonly url: string;
  /** Requests that passed. */
  passed(): number;
}

/** Starts a proxy that sends requests on as they are, by `target`'s name, and signed where asked. */
export async function openSigningProxy(target: string, signer: Signer): Promise<SigningProxy> {
  let passed = 0;
  const server = createServer(async (asked, answer) => {
    passed += 1;
    const body = await bytesOf(asked);
    const { method = "GET", url: path = "/" } = asked;
    const { "transfer-encoding": _, authorization, ...kept } = asked.headers;
    const headers = { ...textOf(kept), host: new URL(target).host };
    const signed =
      authorization === SIGN
        ? signer.sign({
            ...{ method, url: `${target}${path}`, body: body.length > 0 ? body : null },
            headers: pick(headers, ["idempotency-key", "if-match"]),
          })
        : {};
    const length = body.length > 0 ? { "content-length": `${body.length}` } : {};
    const sent = request(target, {
      ...{ method, path, agent: false },
      headers: { ...headers, ...signed, ...length },
    });
    sent.on("response", (response) => copy(response, answer));
    sent.on("error", () => answer.destroy());
    sent.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server's address.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    passed: () => passed,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bytesOf(asked: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of asked) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function copy(response: IncomingMessage, answer: ServerResponse): void {
  answer.writeHead(response.statusCode ?? 502, response.headers);
  response.pipe(answer);
}

function textOf(headers: IncomingMessage["headers"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, String(value ?? "")]),
  );
}

function pick(
  headers: Readonly<Record<string, string>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.includes(name)));
}
