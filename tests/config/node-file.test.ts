import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadNodeSettings } from "../../src/config/load.ts";
import { NODE_FILE, renderNodeFile, withNodeFile } from "../../src/config/node-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unibus-node-file-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(text: string, mode = 0o600): void {
  writeFileSync(join(folder, NODE_FILE), text);
  chmodSync(join(folder, NODE_FILE), mode);
}

const codeOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
};

describe("the settings of a node's own folder", () => {
  test("stand behind flags and the environment; paths are relative to the folder", () => {
    write(
      renderNodeFile({
        ...{ bind: "10.0.0.3", "cluster-name": "bus", "server-name": "n3" },
        ...{ "cluster-pass-file": "routes/password", "tls-cert": "/etc/server.crt" },
      }),
    );
    const flags = { "data-dir": folder, "server-name": "by flag" };
    const env = withNodeFile(flags, { UNIBUS_BIND: "10.0.0.4", PATH: "/bin" });
    expect(env.PATH).toBe("/bin");
    const settings = loadNodeSettings({ "data-dir": folder }, env);
    expect(settings).toMatchObject({
      bind: "10.0.0.4",
      clusterName: "bus",
      clusterPassFile: join(folder, "routes/password"),
      tlsCert: "/etc/server.crt",
    });
    expect(env.UNIBUS_SERVER_NAME).toBeUndefined();
  });

  test("are none where there is no file: the environment stays as it is", () => {
    const env = { UNIBUS_BIND: "10.0.0.4" };
    expect(withNodeFile({ "data-dir": folder }, env)).toBe(env);
    expect(withNodeFile({}, { ...env, UNIBUS_DATA_DIR: folder })).toMatchObject(env);
  });

  test("are refused where a line is no setting, is there twice, or says where the folder is", () => {
    for (const text of [
      "UNIBUS_NO_SUCH=1",
      "no line",
      "UNIBUS_DB=/elsewhere",
      "UNIBUS_DATA_DIR=/elsewhere",
      "UNIBUS_BIND=::1\nUNIBUS_BIND=::1",
    ]) {
      write(`# A comment.\n\n${text}\n`);
      expect(codeOf(() => withNodeFile({ "data-dir": folder }, {}))).toBe("usage");
    }
  });

  test("are refused where others may read them", () => {
    write("UNIBUS_BIND=::1\n", 0o644);
    expect(codeOf(() => withNodeFile({ "data-dir": folder }, {}))).toBe("file-unusable");
  });

  test("are written one to a line, or not at all", () => {
    expect(codeOf(() => renderNodeFile({ "cluster-user": "a\nUNIBUS_BIND=::" }))).toBe("usage");
  });
});
