// Covers serversFor of src/cli/room-view.ts.
import { describe, expect, test } from "bun:test";
import { serversFor } from "../../src/cli/room-view.ts";

const clientUrls = [
  "tls://localhost:4250",
  "tls://127.0.0.1:4250",
  "tls://[::1]:4250",
  "tls://node-1:4250",
  "tls://bus.example.org:4250",
];

describe("the servers that a line for a NATS client names", () => {
  test("begin with the name that the login went to, and end with the node's own loopback", () => {
    expect(serversFor({ clientUrls, nodes: [] }, "https://bus.example.org:8470")).toEqual([
      "tls://bus.example.org:4250",
      "tls://node-1:4250",
      "tls://localhost:4250",
      "tls://127.0.0.1:4250",
      "tls://[::1]:4250",
    ]);
  });

  test("are another machine's before loopback, where the login went through a tunnel or proxy", () => {
    const [first] = serversFor({ clientUrls, nodes: [] }, "https://elsewhere.example.org");
    expect(first).toBe("tls://node-1:4250");
    expect(serversFor({ clientUrls, nodes: [] }, "https://localhost:8470")[0]).toBe(
      "tls://localhost:4250",
    );
  });

  test("are as the node tells them at the node itself, and none while it is stopped", () => {
    expect(serversFor({ clientUrls, nodes: [] }, null)).toEqual(clientUrls);
    expect(serversFor({ clientUrls: [], nodes: [] }, "https://bus.example.org")).toEqual([]);
  });
});
