import { expect, test } from "bun:test";
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fakeServer, temporaryFolder, writeProgram } from "../harness/fake-programs.ts";

const ROOT = join(import.meta.dir, "../..");

/** A fresh checkout with all that setup needs, and a nats-server given to it. */
function aCheckout() {
  const folder = temporaryFolder();
  for (const file of ["package.json", "bun.lock", "bunfig.toml", ".npmrc"]) {
    copyFileSync(join(ROOT, file), join(folder.path, file));
  }
  for (const name of ["src", "scripts"]) {
    cpSync(join(ROOT, name), join(folder.path, name), { recursive: true });
  }
  mkdirSync(join(folder.path, "bin"));
  const server = writeProgram(join(folder.path, "bin/nats-server"), fakeServer("2.15.0"));
  return {
    path: folder.path,
    server,
    async setup() {
      const child = Bun.spawn([process.execPath, join(folder.path, "scripts/setup.ts")], {
        env: { ...process.env, UNIBUS_NATS_SERVER: server },
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
      return { stderr, code };
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

test("setup, three times at once in a fresh checkout, leaves a Bun that runs", async () => {
  using checkout = aCheckout();
  const runs = await Promise.all([checkout.setup(), checkout.setup(), checkout.setup()]);
  expect(runs.map((run) => ({ ...run, stderr: "" }))).toEqual(
    runs.map(() => ({ stderr: "", code: 0 })),
  );
  const bun = Bun.spawnSync([join(checkout.path, "node_modules/.bin/bun"), "--version"]);
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  expect(bun.stdout.toString().trim()).toBe(devDependencies.bun);
  expect(await checkout.setup()).toEqual({ stderr: "", code: 0 });
});

test("setup with a lock file that is out of date fails and says so", async () => {
  using checkout = aCheckout();
  const path = join(checkout.path, "package.json");
  const about = JSON.parse(readFileSync(path, "utf8"));
  delete about.dependencies.citty;
  writeFileSync(path, JSON.stringify(about));
  const { stderr, code } = await checkout.setup();
  expect(code).toBe(1);
  expect(stderr).toContain("Cannot install the packages of bun.lock");
});

test("setup with a nats-server that is too old fails and says so [G-15]", async () => {
  using checkout = aCheckout();
  writeProgram(checkout.server, fakeServer("2.9.10"));
  const { stderr, code } = await checkout.setup();
  expect(code).toBe(1);
  expect(stderr).toContain("is version 2.9.10");
});
