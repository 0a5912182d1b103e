import { describe, expect, test } from "bun:test";
import { ownHosts } from "../../src/http/own-hosts.ts";

const node = {
  host: "127.0.0.1",
  port: 8470,
  tls: false,
  interfaces: ["127.0.0.1", "::1", "10.0.0.2", "fe80::1"],
  certificateNames: [],
  publicUrls: [],
};

describe("the names of a node", () => {
  test("are its listen address, and localhost on loopback", () => {
    expect(ownHosts(node).toSorted()).toEqual(["127.0.0.1:8470", "[::1]:8470", "localhost:8470"]);
    expect(ownHosts({ ...node, host: "10.0.0.2" })).toEqual(["10.0.0.2:8470"]);
  });

  test("are all addresses of the machine when it listens on all interfaces", () => {
    for (const host of ["0.0.0.0", "::"]) {
      const hosts = ownHosts({ ...node, host });
      expect(hosts).toContain("10.0.0.2:8470");
      expect(hosts).toContain("[fe80::1]:8470");
      expect(hosts).toContain("localhost:8470");
      expect(hosts).not.toContain("0.0.0.0:8470");
    }
  });

  test("are the certificate's and those of --public-url too, in lower case", () => {
    const hosts = ownHosts({
      ...node,
      host: "10.0.0.2",
      tls: true,
      certificateNames: ["Bus.Example.org", "10.0.0.9", "*.example.org"],
      publicUrls: ["https://Hub.example.org", "http://nat.example.org:9000"],
    });
    expect(hosts.toSorted()).toEqual([
      "10.0.0.2:8470",
      "10.0.0.9:8470",
      "bus.example.org:8470",
      "hub.example.org",
      "nat.example.org:9000",
    ]);
  });

  test("stand without the port that is the scheme's own", () => {
    expect(ownHosts({ ...node, host: "10.0.0.2", port: 443, tls: true })).toEqual([
      "10.0.0.2:443",
      "10.0.0.2",
    ]);
    expect(ownHosts({ ...node, host: "10.0.0.2", port: 443 })).toEqual(["10.0.0.2:443"]);
    expect(ownHosts({ ...node, host: "10.0.0.2", port: 80 })).toContain("10.0.0.2");
  });
});
