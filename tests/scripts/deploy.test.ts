import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listSettings, variableOf } from "../../src/config/schema.ts";
import { recordProof } from "../harness/counts.ts";

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

test("the systemd unit leaves the engine its compiler, and takes from Bun what leads it astray", () => {
  const unit = read("unibus.service");
  expect(unit).not.toMatch(/^MemoryDenyWriteExecute/m);
  for (const variable of ["BUN_BE_BUN", "BUN_OPTIONS", "BUN_INSPECT", "LD_PRELOAD"]) {
    expect(unit).toMatch(new RegExp(`^UnsetEnvironment=.*\\b${variable}\\b`, "m"));
  }
});

test.each(["unibus.service", "Dockerfile", "compose.yml", "compose.cluster.yml", "kubernetes.yml"])(
  "%s sets only variables that a node has",
  (name) => {
    const known = new Set(listSettings().map((setting) => variableOf(setting.name)));
    const named = new Set(read(name).match(/\bUNIBUS_[A-Z_]+\b/g));
    expect([...named].filter((variable) => !known.has(variable))).toEqual([]);
    expect(named.size).toBeGreaterThan(0);
  },
);

describe("containers", () => {
  test("run as nobody special, and are asked whether they do their work", () => {
    const image = read("Dockerfile");
    expect(image).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    expect(image).toMatch(/^HEALTHCHECK [\s\S]*?CMD \["\/usr\/local\/bin\/unibus", "health"\]$/m);
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

  test("in Kubernetes neither", () => {
    const text = read("kubernetes.yml");
    const documents = text.split(/^---$/m).map((part) => Bun.YAML.parse(part));
    expect(documents).toMatchObject([
      { kind: "Service" },
      {
        kind: "StatefulSet",
        spec: {
          replicas: 1,
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
