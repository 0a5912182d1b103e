import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findWorkers } from "../../scripts/build/executable.ts";
import { licenceOf, npmParts, type Part, renderThirdParty } from "../../scripts/build/parts.ts";
import { renderSbom } from "../../scripts/build/sbom.ts";
import { TARGETS } from "../../scripts/build/targets.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const ROOT = join(import.meta.dir, "../..");

describe("the Workers of the sources", () => {
  test("are found, so that each is compiled in", () => {
    expect(findWorkers(ROOT)).toContain(join(ROOT, "src/server/authorization-worker.ts"));
  });

  test("that would not be found in the executable fail the build", () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, "src"));
    const file = join(folder.path, "src/a.ts");
    writeFileSync(file, 'new Worker(new URL("./b.ts", import.meta.url).href);');
    expect(findWorkers(folder.path)).toEqual([join(folder.path, "src/b.ts")]);
    for (const other of ['"./b.ts"', 'new URL("../b.ts", import.meta.url)', "path"]) {
      writeFileSync(file, `new Worker(${other});`);
      expect(() => findWorkers(folder.path)).toThrow("src/a.ts");
    }
  });
});

const nats: Part = {
  kind: "go",
  name: "github.com/nats-io/nats-server/v2",
  version: "v2.15.0",
  licence: "Apache-2.0",
  texts: ["Apache License"],
  integrity: "h1:abc=",
};
const time: Part = { ...nats, name: "golang.org/x/time", licence: "BSD-3-Clause" };

describe("the bill of materials", () => {
  const [elysia] = npmParts(ROOT, ["elysia"]);
  const facts = { target: "linux-x64", executableSha256: "0".repeat(64) };
  const parts = [nats, time, ...(elysia ? [elysia] : [])];
  const text = renderSbom({ ...facts, natsServerSha256: "1".repeat(64), parts });
  const bill = JSON.parse(text);

  test("names nats-server with its hash, and what is in it", () => {
    expect(bill).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 });
    const server = "pkg:golang/github.com/nats-io/nats-server/v2@v2.15.0";
    expect(bill.components).toContainEqual(
      expect.objectContaining({
        purl: server,
        hashes: [{ alg: "SHA-256", content: "1".repeat(64) }],
      }),
    );
    expect(bill.dependencies).toContainEqual({
      ref: server,
      dependsOn: ["pkg:golang/golang.org/x/time@v2.15.0"],
    });
  });

  test("names packages with the hash of bun.lock", () => {
    const found = bill.components.find(({ name }: { name: string }) => name === "elysia");
    const [, sha512 = ""] =
      /"elysia@.*"sha512-([^"]+)"\]/.exec(readFileSync(join(ROOT, "bun.lock"), "utf8")) ?? [];
    const content = Buffer.from(sha512, "base64").toString("hex");
    expect(found.hashes).toEqual([{ alg: "SHA-512", content }]);
    expect(found.licenses).toEqual([{ license: { id: "MIT" } }]);
  });

  test("is the same for the same executable, and another for another", () => {
    const again = renderSbom({ ...facts, natsServerSha256: "1".repeat(64), parts });
    expect(again).toBe(text);
    expect(bill.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const other = { ...facts, executableSha256: "2".repeat(64), natsServerSha256: "1".repeat(64) };
    expect(JSON.parse(renderSbom({ ...other, parts })).serialNumber).not.toBe(bill.serialNumber);
  });
});

describe("the licences of what is inside", () => {
  test("are told with their words", () => {
    const text = renderThirdParty([nats, time]);
    for (const words of ["nats-server/v2 v2.15.0", "Licence: BSD-3-Clause", "Apache License"]) {
      expect(text).toContain(words);
    }
  });

  test("must be known", () => {
    const unknown = { ...time, licence: null, texts: [] };
    expect(() => renderThirdParty([nats, unknown])).toThrow("golang.org/x/time");
  });

  test.each([
    ["Apache License\n  Version 2.0, January 2004", "Apache-2.0"],
    ["Redistribution and use in source … Neither the name of", "BSD-3-Clause"],
    ["Redistribution and use in source", "BSD-2-Clause"],
    [
      "Permission is hereby granted, free of charge … Apache License Version 2.0",
      "Apache-2.0 AND MIT",
    ],
    ["All rights reserved", null],
  ])("are recognised by their words: %j", (text, licence) => {
    expect(licenceOf([text])).toBe(licence);
  });
});

test("the targets are those of Bun and of Go", () => {
  const names = TARGETS.map(({ name }) => name);
  expect(new Set(names).size).toBe(7);
  const lock = readFileSync(join(ROOT, "bun.lock"), "utf8");
  for (const { bun } of TARGETS) expect(lock).toContain(`"@oven/bun-${bun}@`);
});
