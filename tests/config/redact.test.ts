import { expect, test } from "bun:test";
import { loadNodeSettings } from "../../src/config/load.ts";
import { printableSettings } from "../../src/config/redact.ts";
import { listSettings } from "../../src/config/schema.ts";

test("no secret is in what may be shown [G-04]", () => {
  const printable = printableSettings(
    loadNodeSettings(
      {
        "cluster-pass": "hunter2",
        routes: "nats://u:hunter2@10.0.0.2:6250,nats://10.0.0.3:6250",
        "nats-url": "nats://hunter2@10.0.0.4:4222",
        "cluster-user": "route",
      },
      {},
    ),
  );
  expect(JSON.stringify(printable)).not.toContain("hunter2");
  expect(printable).toMatchObject({
    "cluster-pass": "***",
    "cluster-user": "route",
    routes: "nats://***@10.0.0.2:6250,nats://10.0.0.3:6250",
    "nats-url": "nats://***@10.0.0.4:4222",
  });
});

test("every other setting is shown as it is; a secret that is not set is empty", () => {
  const printable = printableSettings(loadNodeSettings({}, {}));
  for (const setting of listSettings()) expect(printable[setting.name]).toBe(setting.default);
});
