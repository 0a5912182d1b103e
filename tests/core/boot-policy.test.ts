import { describe, expect, test } from "bun:test";
import { type BootFacts, parseLastMode, refuseBoot } from "../../src/core/boot-policy.ts";

const DEFAULTS: BootFacts = {
  bind: "127.0.0.1",
  resolved: [],
  busAuth: "off",
  busAuthGiven: false,
  lastMode: null,
  tlsCert: "",
  tlsKey: "",
  insecureNoTls: false,
  natsUrl: "",
  natsCreds: "",
  externalNatsTrusted: false,
  clusterName: "",
  httpPort: 8470,
  natsPort: 4250,
  clusterPort: 6250,
  verificationOff: false,
};
const PAIR = { tlsCert: "deploy/tls/server.crt", tlsKey: "deploy/tls/server.key" };
const ENFORCE = { busAuth: "enforce", busAuthGiven: true } as const;
const PUBLIC_ENFORCE = { ...ENFORCE, ...PAIR, bind: "0.0.0.0" };

function refusalOf(facts: Partial<BootFacts>): string | null {
  const refusal = refuseBoot({ ...DEFAULTS, ...facts });
  if (refusal) expect(refusal.code).toBe("boot-refused");
  return refusal?.detail ?? null;
}

const MODES = ["off", "soft", "enforce"] as const;
const BINDS = ["127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.5", "", "::", "bus.example.org"];
const isPublic = (facts: BootFacts) =>
  facts.bind === "localhost"
    ? facts.resolved[0] !== "127.0.0.1"
    : !["127.0.0.1", "::1"].includes(facts.bind);

interface Rule {
  readonly when: (facts: BootFacts) => boolean;
  readonly says: RegExp;
}

/** The policy in its own words: each shape that must not start, and what the refusal must name. */
const RULES: readonly Rule[] = [
  {
    when: (f) => isPublic(f) && f.busAuth !== "enforce",
    says: /public.*--bus-auth enforce/,
  },
  {
    when: (f) => (f.tlsCert !== "" || f.tlsKey !== "") && f.busAuth !== "enforce",
    says: /--tls-(cert|key) is set.*--bus-auth enforce/,
  },
  {
    when: (f) => f.busAuth === "off" && !f.busAuthGiven && f.lastMode === "enforce",
    says: /last ran with --bus-auth enforce.*write --bus-auth off.*unibus up/,
  },
  {
    when: (f) => (f.tlsCert === "") !== (f.tlsKey === ""),
    says: /--tls-cert and --tls-key must be set together/,
  },
  {
    when: (f) => isPublic(f) && f.tlsCert === "" && f.tlsKey === "" && !f.insecureNoTls,
    says: /no TLS.*--insecure-no-tls/,
  },
  {
    when: (f) => f.natsUrl !== "" && f.busAuth === "enforce" && !f.externalNatsTrusted,
    says: /--nats-url.*--external-nats-trusted/,
  },
];

function* everyShape(): Generator<BootFacts> {
  const flags = [false, true];
  for (const bind of BINDS)
    for (const resolved of bind === "localhost" ? [["127.0.0.1"], ["10.0.0.5"], []] : [[]])
      for (const busAuth of MODES)
        for (const busAuthGiven of busAuth === "off" ? flags : [true])
          for (const lastMode of [null, ...MODES])
            for (const tlsCert of ["", "server.crt"])
              for (const tlsKey of ["", "server.key"])
                for (const insecureNoTls of flags)
                  for (const natsUrl of ["", "nats://10.0.0.9:4222"])
                    for (const externalNatsTrusted of flags)
                      yield {
                        ...DEFAULTS,
                        ...{ bind, resolved, busAuth, busAuthGiven, lastMode, tlsCert, tlsKey },
                        ...{ insecureNoTls, natsUrl, externalNatsTrusted },
                      };
}

describe("TestAudit_FailOpenTLSWithoutAuth: the boot policy [M-118]", () => {
  test("every shape is refused exactly when a rule says so, in words of that rule [M-040, M-049]", () => {
    let shapes = 0;
    let started = 0;
    for (const facts of everyShape()) {
      shapes++;
      const broken = RULES.filter(({ when }) => when(facts));
      const refusal = refuseBoot(facts);
      if (!refusal) started++;
      const shape = JSON.stringify(facts);
      expect(refusal !== null, shape).toBe(broken.length > 0);
      if (refusal)
        expect(
          broken.some(({ says }) => says.test(refusal.detail)),
          shape,
        ).toBe(true);
    }
    expect(shapes).toBe(10 * 4 * 4 * 2 ** 5);
    expect(started).toBeGreaterThan(100);
  });

  test("whatever starts on a public bind has enforce, and TLS or a word that it has none [M-049]", () => {
    for (const facts of everyShape()) {
      if (!isPublic(facts) || refuseBoot(facts)) continue;
      expect(facts.busAuth).toBe("enforce");
      expect(facts.insecureNoTls || (facts.tlsCert !== "" && facts.tlsKey !== "")).toBe(true);
    }
  });

  test("the defaults start [M-043]", () => expect(refusalOf({})).toBeNull());

  test("a public bind with enforce and TLS starts [M-043]", () =>
    expect(refusalOf(PUBLIC_ENFORCE)).toBeNull());

  test("a public bind with enforce starts without TLS when that is said [M-043, G-16]", () =>
    expect(refusalOf({ ...ENFORCE, bind: "0.0.0.0", insecureNoTls: true })).toBeNull());

  test("the attack of audit H2 is refused: public, TLS, no enforce [M-049]", () =>
    expect(refusalOf({ ...PAIR, bind: "0.0.0.0" })).toContain("--bus-auth enforce"));
});

describe("a public bind needs enforce [M-041]", () => {
  for (const bind of ["0.0.0.0", "10.0.0.5", "", "*", "[::]", "bus.example.org"]) {
    for (const busAuth of ["off", "soft"] as const) {
      test(`--bind ${JSON.stringify(bind)} with ${busAuth} is refused`, () => {
        const detail = refusalOf({ bind, busAuth, insecureNoTls: true, busAuthGiven: true });
        expect(detail).toBe(
          `Cannot start: --bind "${bind}" is public and --bus-auth is ${busAuth}; a public bind needs --bus-auth enforce`,
        );
      });
    }
  }

  test("localhost that resolves elsewhere is refused, and the refusal says where [G-07]", () => {
    expect(refusalOf({ bind: "localhost", resolved: ["10.0.0.5"] })).toContain(
      "resolves to 10.0.0.5",
    );
    expect(refusalOf({ bind: "localhost", resolved: [] })).toContain("resolves to nothing");
    expect(refusalOf({ bind: "localhost", resolved: ["127.0.0.1", "::1"] })).toBeNull();
  });
});

describe("TLS flags need enforce, also on loopback [M-042]", () => {
  for (const [title, files] of [
    ["--tls-cert alone", { tlsCert: "x" }],
    ["--tls-key alone", { tlsKey: "x" }],
    ["both", PAIR],
  ] as const) {
    for (const busAuth of ["off", "soft"] as const) {
      test(`${title} with ${busAuth} is refused`, () =>
        expect(refusalOf({ ...files, busAuth, busAuthGiven: true })).toContain(
          "needs --bus-auth enforce",
        ));
    }
  }

  test("both with enforce start", () => expect(refusalOf({ ...ENFORCE, ...PAIR })).toBeNull());
});

describe("certificate and key go together [M-044]", () => {
  for (const natsUrl of ["", "nats://10.0.0.9:4222"]) {
    const where = natsUrl ? "also with --nats-url" : "with the embedded server";
    for (const [flag, files] of [
      ["--tls-cert", { tlsCert: "x" }],
      ["--tls-key", { tlsKey: "x" }],
    ] as const) {
      test(`${flag} alone is refused ${where} [G-05]`, () =>
        expect(refusalOf({ ...ENFORCE, ...files, natsUrl, externalNatsTrusted: true })).toBe(
          `Cannot start: --tls-cert and --tls-key must be set together, and only ${flag} is`,
        ));
    }
  }
});

describe("an external NATS is not protected by enforce [G-06]", () => {
  const natsUrl = "nats://10.0.0.9:4222";

  test("enforce with --nats-url is refused", () =>
    expect(refusalOf({ ...ENFORCE, natsUrl })).toContain("--external-nats-trusted"));

  test("it starts when the other server is said to be trusted", () =>
    expect(refusalOf({ ...ENFORCE, natsUrl, externalNatsTrusted: true })).toBeNull());

  test("off and soft claim nothing and start", () => {
    expect(refusalOf({ natsUrl })).toBeNull();
    expect(refusalOf({ natsUrl, busAuth: "soft", busAuthGiven: true })).toBeNull();
  });

  test("credentials for no external server are refused", () => {
    expect(refusalOf({ natsCreds: "bus.creds" })).toContain("no effect without --nats-url");
    expect(refusalOf({ natsUrl, natsCreds: "bus.creds" })).toBeNull();
  });
});

describe("a folder that ran enforce does not fall back by silence [G-11]", () => {
  test("the default is refused, and the refusal names both ways on", () => {
    const detail = refusalOf({ lastMode: "enforce" });
    expect(detail).toContain("write --bus-auth off");
    expect(detail).toContain("unibus up");
  });

  test("off that is written starts", () =>
    expect(refusalOf({ lastMode: "enforce", busAuthGiven: true })).toBeNull());

  test("soft and enforce start", () => {
    expect(refusalOf({ lastMode: "enforce", busAuth: "soft", busAuthGiven: true })).toBeNull();
    expect(refusalOf({ lastMode: "enforce", ...ENFORCE })).toBeNull();
  });

  test("a folder that ran off or soft, or never ran, takes the default", () => {
    for (const lastMode of [null, "off", "soft"] as const) {
      expect(refusalOf({ lastMode })).toBeNull();
    }
  });

  test.each([
    [null, null],
    ["off\n", "off"],
    ["soft", "soft"],
    ["enforce\n", "enforce"],
    ["", "enforce"],
    ["OFF", "enforce"],
    ["something else", "enforce"],
  ] as const)("a mode file of %j counts as %j", (text, mode) => {
    expect(parseLastMode(text)).toBe(mode);
  });
});

test("flags that have nothing to allow are harmless [G-16, G-17]", () => {
  expect(refusalOf({ insecureNoTls: true, externalNatsTrusted: true })).toBeNull();
  expect(refusalOf({ ...PUBLIC_ENFORCE, insecureNoTls: true })).toBeNull();
});

test("an environment that accepts any certificate is refused", () => {
  expect(refusalOf({ verificationOff: true })).toContain("NODE_TLS_REJECT_UNAUTHORIZED");
  expect(refusalOf({ ...PUBLIC_ENFORCE, verificationOff: true })).not.toBeNull();
});

describe("each listener needs a port of its own", () => {
  test("equal ports are refused by name", () => {
    expect(refusalOf({ natsPort: 8470 })).toBe(
      "Cannot start: --http-port and --nats-port are both 8470, and each needs a port of its own",
    );
    expect(refusalOf({ clusterName: "c", clusterPort: 4250 })).toContain("--cluster-port");
    expect(refusalOf({ clusterName: "c", clusterPort: 8470 })).toContain("--http-port");
  });

  test("ports of listeners that will not be opened do not count", () => {
    expect(refusalOf({ natsPort: 8470, natsUrl: "nats://10.0.0.9:4222" })).toBeNull();
    expect(refusalOf({ clusterPort: 4250 })).toBeNull();
  });

  test("any free port may be asked for more than once", () =>
    expect(refusalOf({ httpPort: 0, natsPort: 0, clusterPort: 0, clusterName: "c" })).toBeNull());
});
