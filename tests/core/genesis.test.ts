import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { canonicalJson } from "../../src/core/canonical.ts";
import { type Genesis, readGenesis, renderGenesis } from "../../src/core/genesis.ts";
import { aUser } from "../harness/builders.ts";

const busId = "0123456789abcdef0123456789abcdef";
const genesis: Genesis = {
  version: 1,
  kind: "genesis",
  bus: busId,
  owner: aUser("owner"),
  suite: 1,
  history: "all",
  created: 1_700_000_000_000,
  nonce: "00112233445566778899aabbccddeeff",
};

function read(bytes: Uint8Array, more = ""): string {
  const record = bytes.toBase64({ alphabet: "base64url", omitPadding: true }) + more;
  const result = readGenesis({ record, signature: "-" }, { busId });
  return "code" in result ? result.code : "read";
}

function readText(text: string): string {
  return read(new TextEncoder().encode(text));
}

describe("a genesis record", () => {
  test("is read back as it was rendered", () => {
    const bytes = renderGenesis(genesis);
    const record = bytes.toBase64({ alphabet: "base64url", omitPadding: true });
    expect(readGenesis({ record, signature: "-" }, { busId })).toEqual({ genesis, bytes });
  });

  test("is refused with any member left out, changed or added", () => {
    const wrong: Record<string, unknown> = {
      version: 2,
      kind: "join",
      bus: "f".repeat(32),
      owner: "UAAA",
      suite: 9,
      history: "none",
      created: -1,
      nonce: "00",
    };
    expect(Object.keys(wrong).sort()).toEqual(Object.keys(genesis).sort());
    for (const [member, value] of Object.entries(wrong)) {
      const { [member as keyof Genesis]: _, ...rest } = genesis;
      expect([member, readText(JSON.stringify(rest))]).toEqual([member, "record-invalid"]);
      const changed = Object.fromEntries(
        Object.entries({ ...genesis, [member]: value }).sort(([one], [other]) =>
          one < other ? -1 : 1,
        ),
      );
      expect([member, readText(JSON.stringify(changed))]).toEqual([member, "record-invalid"]);
    }
    expect(readText(canonicalJson({ ...genesis, more: 1 }))).toBe("record-invalid");
  });

  test("is refused in any form but the canonical one", () => {
    expect(readText(canonicalJson({ ...genesis }))).toBe("read");
    expect(readText(`${canonicalJson({ ...genesis })} `)).toBe("record-invalid");
    expect(readText(JSON.stringify(genesis))).toBe("record-invalid");
    expect(readText("[]")).toBe("record-invalid");
    expect(read(renderGenesis(genesis), "=")).toBe("record-invalid");
  });

  test("never throws, whatever is sent", () => {
    fc.assert(
      fc.property(fc.string(), (record) => {
        const result = readGenesis({ record, signature: "-" }, { busId });
        expect("code" in result && result.code).toBe("record-invalid");
      }),
    );
  });
});
