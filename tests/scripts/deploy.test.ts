import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { factsOf } from "../../src/config/judge-start.ts";
import { loadNodeSettings, type NodeSettings } from "../../src/config/load.ts";
import { listSettings, variableOf } from "../../src/config/schema.ts";
import { refuseCluster, routesToPeers } from "../../src/core/cluster-policy.ts";
import { aUser } from "../harness/builders.ts";
import { recordProof } from "../harness/counts.ts";
import { temporaryFolder } from "../harness/unibus.ts";

const DEPLOY = join(import.meta.dir, "../../deploy");
const read = (name: string): string => readFileSync(join(DEPLOY, name), "utf8");
/** Out of ten; lower is better. */
const EXPOSURE_MAX = 1.5;

const analyse = Bun.which("systemd-analyze");

test.skipIf(!analyse)(
  `the systemd unit is closed as far as ${EXPOSURE_MAX}${analyse ? "" : " (missing: systemd-analyze)"}`,
  () => {
    const command = [
      "systemd-analyze",
      "security",
      "--offline=true",
      join(DEPLOY, "unibus.service"),
    ];
    const { stdout } = Bun.spawnSync(command);
    const told = /exposure level for unibus\.service: ([\d.]+)/.exec(stdout.toString())?.[1];
    expect(Number(told)).toBeGreaterThan(0);
    expect(Number(told)).toBeLessThanOrEqual(EXPOSURE_MAX);
    recordProof("systemd-exposure", { score: told ?? "" });
  },
);

test.skipIf(!analyse)(
  `systemd knows every word of the unit${analyse ? "" : " (missing: systemd-analyze)"}`,
  () => {
    using folder = temporaryFolder();
    const verify = (text: string): string => {
      const unit = join(folder.path, "unibus.service");
      // The program has to be there.
      writeFileSync(unit, text.replaceAll("/usr/local/bin/unibus", process.execPath));
      const command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit];
      const { stderr } = Bun.spawnSync(command);
      return stderr.toString();
    };
    const unit = read("unibus.service");
    expect(verify(unit)).not.toContain("unibus.service");
    expect(verify(unit.replace("WatchdogSec=", "WatchdogSecs="))).toContain("unibus.service");
  },
);

test("the systemd unit has one that hangs killed and started anew, and no word of other processes", () => {
  const unit = read("unibus.service");
  for (const line of ["Type=notify", "NotifyAccess=main", "WatchdogSignal=SIGKILL"]) {
    expect(unit).toMatch(new RegExp(`^${line}$`, "m"));
  }
  expect(Number(/^WatchdogSec=(\d+)s$/m.exec(unit)?.[1])).toBeLessThanOrEqual(20);
  expect(unit).toMatch(/^Restart=on-failure$/m);
});

test("the systemd unit leaves the engine its compiler, and takes from Bun what leads it astray", () => {
  const unit = read("unibus.service");
  expect(unit).not.toMatch(/^MemoryDenyWriteExecute/m);
  for (const variable of ["BUN_BE_BUN", "BUN_OPTIONS", "BUN_INSPECT", "LD_PRELOAD"]) {
    expect(unit).toMatch(new RegExp(`^UnsetEnvironment=.*\\b${variable}\\b`, "m"));
  }
});

test.each([
  "unibus.service",
  "Dockerfile",
  "compose.yml",
  "compose.cluster.yml",
  "kubernetes.yml",
  "kubernetes.cluster.yml",
])("%s sets only variables that a node has", (name) => {
  const known = new Set(listSettings().map((setting) => variableOf(setting.name)));
  const named = new Set(read(name).match(/\bUNIBUS_[A-Z_]+\b/g));
  expect([...named].filter((variable) => !known.has(variable))).toEqual([]);
  expect(named.size).toBeGreaterThan(0);
});

describe("containers", () => {
  test("run as nobody special, and are asked whether they do their work", () => {
    const image = read("Dockerfile");
    expect(image).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    expect(image).toMatch(
      /^HEALTHCHECK [\s\S]*?CMD \["\/usr\/local\/bin\/unibus", "health", "--alive"\]$/m,
    );
  });

  test.each(["compose.yml", "compose.cluster.yml"])(
    "of %s cannot change their image or gain rights",
    (name) => {
      // The form of a compose file.
      const { services } = Bun.YAML.parse(read(name)) as {
        services: Record<string, Record<string, unknown>>;
      };
      for (const service of Object.values(services)) {
        expect(service).toMatchObject({
          read_only: true,
          cap_drop: ["ALL"],
          security_opt: ["no-new-privileges:true"],
          user: expect.stringMatching(/^[1-9]/),
        });
      }
    },
  );

  test.each([
    ["kubernetes.yml", 1],
    ["kubernetes.cluster.yml", 3],
  ])("in Kubernetes neither, by %s with %d", (file, replicas) => {
    const documents = read(file)
      .split(/^---$/m)
      .map((part) => Bun.YAML.parse(part))
      .filter((document) => Object(document).kind !== "PodDisruptionBudget");
    expect(documents).toMatchObject([
      { kind: "Service" },
      {
        kind: "StatefulSet",
        spec: {
          replicas,
          template: {
            spec: {
              securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
              containers: [
                {
                  securityContext: {
                    allowPrivilegeEscalation: false,
                    readOnlyRootFilesystem: true,
                    capabilities: { drop: ["ALL"] },
                  },
                },
              ],
            },
          },
        },
      },
    ]);
  });
});

describe("a cluster of the examples", () => {
  /** What a container is told, with the name of its node put in. */
  function settingsOf(text: string, name: string): NodeSettings {
    const env = Object.fromEntries(
      [...text.matchAll(/\b(UNIBUS_[A-Z_]+)(?:, value)?: "?([^"\s}]*)/g)].map(
        ([, variable = "", value = ""]) => [variable, value.replace("$(UNIBUS_SERVER_NAME)", name)],
      ),
    );
    return loadNodeSettings(
      { "bus-auth": "enforce", bind: "0.0.0.0" },
      { ...env, UNIBUS_SERVER_NAME: name, UNIBUS_FIRST_ADMIN: aUser("ada"), UNIBUS_PUBLIC_URL: "" },
    );
  }
  const compose = read("compose.cluster.yml");
  // Kubernetes writes the list over three lines.
  const kubernetes = read("kubernetes.cluster.yml")
    .replace(/\\\n\s*/g, "")
    .replace(/- name: (UNIBUS_ROUTES)\n\s*value/, "$1");

  test.each([
    ["compose.cluster.yml", compose, ["n1", "n2", "n3"]],
    ["kubernetes.cluster.yml", kubernetes, ["unibus-0", "unibus-1", "unibus-2"]],
  ])("of %s passes the guards, and each node has two peers", (_file, text, names) => {
    for (const name of names) {
      const settings = settingsOf(text, name);
      const around = { lastMode: null, resolved: [], env: {} };
      expect(refuseCluster(factsOf(settings, around))).toBeNull();
      expect(routesToPeers(settings)).toHaveLength(2);
    }
  });
});
