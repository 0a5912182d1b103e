import { X509Certificate } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Health } from "../../src/contract/health.ts";
import { type CertificateFiles, writeCertificates } from "./certificates.ts";
import { eventually } from "./eventually.ts";
import type { TestKey } from "./raw-nats.ts";
import { type Scene, startScene } from "./scene.ts";
import { createSigner } from "./signer.ts";

/** A folder of files as --tls-cert and --tls-key name them, and the CAs that clients trust. */
export interface TlsPlace {
  readonly cert: string;
  readonly key: string;
  readonly cas: string;
  /** Makes another certificate, which the clients will trust, and leaves the files alone. */
  make(name: string, more?: Parameters<typeof writeCertificates>[1]): Promise<Made>;
}

export interface Made extends CertificateFiles {
  readonly serial: string;
}

/** Makes a folder below another one, with a certificate in use. */
export async function openTlsPlace(
  folder: string,
  name: string,
): Promise<TlsPlace & { readonly first: Made }> {
  const at = (file: string): string => join(folder, name, file);
  const place = { cert: at("in-use.crt"), key: at("in-use.key"), cas: at("cas.crt") };
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(place.cas, "");
  const make: TlsPlace["make"] = async (which, more) => {
    const files = await writeCertificates(at(which), more);
    appendFileSync(place.cas, readFileSync(files.ca));
    const { serialNumber } = new X509Certificate(readFileSync(files.cert));
    return { ...files, serial: serialNumber };
  };
  const first = await make("first");
  copyFileSync(first.cert, place.cert);
  copyFileSync(first.key, place.key);
  return { ...place, make, first };
}

/** Starts a node with the certificate of a place. */
export function startWithTls(place: TlsPlace): Promise<Scene> {
  return startScene({ args: ["--tls-cert", place.cert, "--tls-key", place.key] });
}

/** Replaces a file by renaming another one over it, as careful tools do. */
export function replace(path: string, by: string): void {
  const temporary = `${path}.new`;
  copyFileSync(by, temporary);
  renameSync(temporary, path);
}

/** The serial number of the certificate that a port serves; "" when it serves none just now. */
export function serialAt(port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
    resolve(socket.getPeerX509Certificate()?.serialNumber ?? "");
    socket.destroy();
  });
  socket.once("error", () => resolve(""));
  socket.once("close", () => resolve(""));
  return promise;
}

/** The serial numbers of both planes: of the API and of nats-server. */
export async function serials(scene: Scene): Promise<readonly [string, string]> {
  return [await serialAt(apiPort(scene)), await serialAt(scene.port)];
}

function apiPort({ unibus }: Scene): number {
  return Number(new URL(unibus.httpUrl).port);
}

/** When each plane first served a serial number, watched all the time. */
export async function watchSwitch(
  scene: Scene,
  serial: string,
): Promise<{ api: number; nats: number }> {
  const firstAt = async (port: number): Promise<number> => {
    await eventually(async () => (await serialAt(port)) === serial, {
      everyMs: 2,
      timeoutMs: 15_000,
    });
    return performance.now();
  };
  const [api, nats] = await Promise.all([firstAt(apiPort(scene)), firstAt(scene.port)]);
  return { api, nats };
}

/** A stock client that comes back by itself. */
export function connectAgainAndAgain(
  place: TlsPlace,
  scene: Scene,
  key: TestKey,
): Promise<NatsConnection> {
  return connect({
    servers: `127.0.0.1:${scene.port}`,
    authenticator: (nonce) => ({
      nkey: key.user,
      sig: key.sign(nonce ?? "").toString("base64url"),
    }),
    tls: { caFile: place.cas },
    maxReconnectAttempts: -1,
    reconnectTimeWait: 20,
    reconnectJitterTLS: 5,
  });
}

/** A request that is under way: its head and half of its body were sent. */
export async function halfSent(place: TlsPlace, scene: Scene, key: TestKey) {
  const { bus } = await scene.unibus.ask<Health>("GET", "/healthz");
  const body = JSON.stringify({ name: "made meanwhile" });
  const url = `${scene.unibus.httpUrl}/v1/rooms`;
  const signature = createSigner(bus, key).sign({ method: "POST", url, body, headers: {} });
  const answer = Promise.withResolvers<number>();
  const sent = httpsRequest(url, {
    method: "POST",
    agent: false,
    ca: readFileSync(place.cas, "utf8"),
    headers: {
      ...signature,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    },
  });
  sent.once("error", answer.reject);
  sent.once("response", (response) => {
    response.resume();
    answer.resolve(response.statusCode ?? 0);
  });
  sent.write(body.slice(0, 5));
  const logged = () =>
    scene.unibus.log.some(({ route, from }) => route === "/v1/rooms" && from !== "socket");
  return {
    logged,
    async finish(): Promise<number> {
      sent.end(body.slice(5));
      return await answer.promise;
    },
  };
}

/** Logs in again and again, and tells how long nobody was let in. */
export function knockAllTheTime(place: TlsPlace, scene: Scene, key: TestKey) {
  const counts = { admitted: 0, refused: 0, longestOutMs: 0 };
  let stopping = false;
  const ended = (async () => {
    let lastAt = performance.now();
    while (!stopping) {
      if (await connects(scene, key, place.cas)) {
        counts.admitted++;
        counts.longestOutMs = Math.max(counts.longestOutMs, performance.now() - lastAt);
        lastAt = performance.now();
      } else counts.refused++;
    }
  })();
  return {
    async stop() {
      stopping = true;
      await ended;
      return counts;
    },
  };
}

/** How long a client was away, each time that it was. */
export function awayTimes(client: NatsConnection): readonly number[] {
  const times: number[] = [];
  let leftAt = 0;
  void (async () => {
    for await (const { type } of client.status()) {
      if (type === "disconnect") leftAt = performance.now();
      if (type === "reconnect") times.push(performance.now() - leftAt);
    }
  })();
  return times;
}

/** Connects once, trusting one authority alone. */
export function connectStockTls(scene: Scene, key: TestKey, ca: string): Promise<NatsConnection> {
  return connect({
    servers: `127.0.0.1:${scene.port}`,
    authenticator: (nonce) => ({
      nkey: key.user,
      sig: key.sign(nonce ?? "").toString("base64url"),
    }),
    tls: { caFile: ca },
    reconnect: false,
  });
}

/** A client that would not come back. */
export async function staying(place: TlsPlace, scene: Scene, key: TestKey) {
  const client = await connectStockTls(scene, key, place.cas);
  return {
    isThere: () =>
      client.flush().then(
        () => true,
        () => false,
      ),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** Says whether a stock client is let in that trusts one authority alone. */
async function connects(scene: Scene, key: TestKey, ca: string): Promise<boolean> {
  try {
    await (await connectStockTls(scene, key, ca)).close();
    return true;
  } catch {
    return false;
  }
}

/** Whether the API and nats-server show a certificate that somebody trusts who knows one authority. */
export async function trustedBy(
  scene: Scene,
  key: TestKey,
  ca: string,
): Promise<readonly [api: boolean, nats: boolean]> {
  const tls = { ca: readFileSync(ca, "utf8") };
  const answer = await fetch(`${scene.unibus.httpUrl}/healthz`, { tls }).catch(() => null);
  return [answer?.ok === true, await connects(scene, key, ca)];
}

/** The status of the health under another Host. */
export async function statusUnder(scene: Scene, place: TlsPlace, host: string): Promise<number> {
  const answer = await fetch(`${scene.unibus.httpUrl}/healthz`, {
    headers: { host: `${host}:${apiPort(scene)}` },
    tls: { ca: readFileSync(place.cas, "utf8") },
  });
  await answer.text();
  return answer.status;
}
