import { describe, expect, test } from "bun:test";
import { hostPort, isLoopbackAddress, isLoopbackBind, listenHost } from "../../src/core/bind.ts";

const PUBLIC = [
  ["", "all interfaces"],
  ["*", "all interfaces"],
  ["0", "all interfaces"],
  ["0.0.0.0", "all interfaces"],
  ["::", "all interfaces"],
  ["[::]", "all interfaces"],
  ["::ffff:0.0.0.0", "all interfaces inside IPv6"],
  ["::ffff:127.0.0.1", "IPv4 inside IPv6"],
  ["10.0.0.5", "a LAN address"],
  ["192.168.1.1", "a LAN address"],
  ["128.0.0.1", "the address after the loopback ones"],
  ["126.255.255.255", "the address before the loopback ones"],
  ["fe80::1", "a link-local address"],
  ["::2", "the address after ::1"],
  ["bus.example.org", "a name"],
  ["ip6-localhost", "another name of loopback"],
  ["localhost.", "localhost as a full name"],
  ["localhost.example.org", "a name that begins with localhost"],
  ["127.0.0.1.example.org", "a name that begins with an address"],
  ["127.1", "a short spelling"],
  ["2130706433", "a number"],
  ["0x7f.0.0.1", "a hexadecimal spelling"],
  ["0177.0.0.1", "an octal spelling"],
  ["127.0.0.256", "no address"],
  ["127.0.0.01", "an address with a leading zero"],
  [" 127.0.0.1", "an address behind a space"],
  ["127.0.0.1\n", "an address before a line's end"],
  ["127.0.0.1:80", "an address with a port"],
  ["0:0:0:0:0:0:0:1", "a long spelling of ::1"],
  ["::1%lo", "an address with a zone"],
] as const;

describe("a bind is public unless it surely is not [G-07]", () => {
  test.each([...PUBLIC])("%j is public: %s", (bind) => {
    expect(isLoopbackBind(bind)).toBe(false);
    expect(isLoopbackBind(bind, ["127.0.0.1"])).toBe(false);
  });

  test.each(["127.0.0.1", "127.0.0.0", "127.255.255.255", "127.1.2.3", "::1", "[::1]"])(
    "%s is loopback",
    (bind) => expect(isLoopbackBind(bind)).toBe(true),
  );

  test.each(["localhost", "LocalHost"])("%s is what it resolves to", (bind) => {
    expect(isLoopbackBind(bind, ["127.0.0.1", "::1"])).toBe(true);
    expect(isLoopbackBind(bind, ["127.0.0.1", "10.0.0.5"])).toBe(false);
    expect(isLoopbackBind(bind, ["::ffff:127.0.0.1"])).toBe(false);
  });

  test("localhost is public while nobody knows what it resolves to", () => {
    expect(isLoopbackBind("localhost")).toBe(false);
    expect(isLoopbackBind("localhost", [])).toBe(false);
  });

  test("an address in brackets is no address of a socket", () => {
    expect(isLoopbackAddress("[::1]")).toBe(false);
    expect(isLoopbackAddress("127.0.0.1")).toBe(true);
  });
});

test.each([
  ["127.0.0.1", 8470, "127.0.0.1:8470"],
  ["::", 8470, "[::]:8470"],
  ["::1", 4250, "[::1]:4250"],
  ["[::1]", 4250, "[::1]:4250"],
  ["bus.example.org", 1, "bus.example.org:1"],
] as const)("%s and %d are joined as %s, IPv6 in brackets [G-08]", (host, port, joined) => {
  expect(hostPort(host, port)).toBe(joined);
  expect(new URL(`http://${joined}/`).port).toBe(`${port}`);
});

test.each([
  ["", "0.0.0.0"],
  ["*", "0.0.0.0"],
  ["0", "0.0.0.0"],
  ["[::]", "::"],
  ["[::1]", "::1"],
  ["10.0.0.5", "10.0.0.5"],
  ["localhost", "localhost"],
])("the bind %j listens on %s", (bind, host) => expect(listenHost(bind)).toBe(host));
