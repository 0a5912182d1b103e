import { describe, expect, test } from "bun:test";
import { clientUrls } from "../../src/server/client-urls.ts";

const node = {
  host: "127.0.0.1",
  port: 4250,
  tls: false,
  certificateNames: ["bus.example.org", "*.example.org", "::1"],
  interfaces: ["127.0.0.1", "10.0.0.2", "fe80::1"],
};

describe("NATS clients are told [M-073]", () => {
  test("the address that a node listens on", () => {
    expect(clientUrls(node)).toEqual(["nats://127.0.0.1:4250"]);
    expect(clientUrls({ ...node, host: "10.0.0.2", tls: true })).toEqual(["tls://10.0.0.2:4250"]);
  });

  test("the certificate's names where it listens on all interfaces, but no pattern", () => {
    const urls = ["tls://bus.example.org:4250", "tls://[::1]:4250"];
    expect(clientUrls({ ...node, host: "0.0.0.0", tls: true })).toEqual(urls);
    expect(clientUrls({ ...node, host: "::", tls: true })).toEqual(urls);
  });

  test("the machine's addresses where it does so without TLS", () => {
    expect(clientUrls({ ...node, host: "0.0.0.0" })).toEqual([
      "nats://127.0.0.1:4250",
      "nats://10.0.0.2:4250",
      "nats://[fe80::1]:4250",
    ]);
  });

  test("the wildcard itself when nothing better is known", () => {
    const bare = { ...node, host: "0.0.0.0", tls: true, certificateNames: ["*.example.org"] };
    expect(clientUrls(bare)).toEqual(["tls://0.0.0.0:4250"]);
  });
});
