import { createServer, type Socket } from "node:net";
import { closePort, openPort } from "./loopback.ts";

/** Something that speaks like a nats-server at a login, and hands out whatever it likes as nonce. */
export interface FakeNats extends AsyncDisposable {
  readonly port: number;
  /** What each connection signed, in base64url without padding, in the order of the nonces; null for nothing. */
  readonly signatures: readonly (string | null)[];
}

/** The line by which a server presents itself. `nonce` is the inside of a JSON string, as bytes. */
export function infoLine(nonce: Uint8Array): Buffer {
  const before = `{"server_id":"NFAKE","server_name":"fake","version":"2.14.3","proto":1,"host":"127.0.0.1","port":4222,"headers":true,"auth_required":true,"max_payload":1048576,"client_id":1,"nonce":"`;
  return Buffer.concat([Buffer.from(`INFO ${before}`), nonce, Buffer.from('"}\r\n')]);
}

/** Some clients pad their base64, and some use its other alphabet. */
function signatureIn(connect: string): string | null {
  const { sig }: { readonly sig?: string } = JSON.parse(connect);
  return sig ? Buffer.from(sig, "base64url").toString("base64url") : null;
}

/** Opens it. Each connection is greeted by the next one of the lines. */
export async function openFakeNats(lines: readonly Uint8Array[]): Promise<FakeNats> {
  const signatures: (string | null)[] = lines.map(() => null);
  const sockets = new Set<Socket>();
  let greeted = 0;
  const server = createServer((socket) => {
    const number = greeted++;
    let said = "";
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (data) => {
      said += data;
      const connect = /^CONNECT (\{.*\})\r\n/m.exec(said)?.[1];
      if (connect !== undefined) signatures[number] = signatureIn(connect);
      if (said.includes("PING\r\n")) socket.write("PONG\r\n");
    });
    socket.write(lines[number] ?? "");
  });
  const port = await openPort(server);
  return {
    port,
    signatures,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await closePort(server);
    },
  };
}
