import { expect, test } from "bun:test";
import { checkLock } from "../../scripts/check.ts";
import { faultsOf } from "../../scripts/source-tree.ts";

const LOCK = '{\n  "packages": {\n    "bun": ["bun@1.4.5", "", {}, "sha512-A=="],\n  }\n}\n';
const facts = {
  lock: LOCK,
  manifest: {
    scripts: { setup: "npx --yes bun@1.4.5 scripts/setup.ts" },
    devDependencies: { bun: "1.4.5" },
  },
  files: ["bun.lock", "package.json"],
};

test("a lock without addresses, alone, of the same bun, passes", () => {
  expect(faultsOf(checkLock(facts))).toEqual([]);
});

test.each([
  ["an address in the lock", { lock: LOCK.replace('""', '"http://127.0.0.1/bun.tgz"') }],
  ["a second lock file", { files: ["bun.lock", "package-lock.json"] }],
  ["a second lock file in a folder", { files: ["bun.lock", "native/yarn.lock"] }],
  ["another bun", { manifest: { ...facts.manifest, devDependencies: { bun: "1.4.4" } } }],
  ["no bun in the setup", { manifest: { ...facts.manifest, scripts: {} } }],
  ["a lock without packages", { lock: "{}" }],
])("the lock's check finds %s", (_, change) => {
  expect(faultsOf(checkLock({ ...facts, ...change }))).toHaveLength(1);
});
