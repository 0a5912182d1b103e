import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { renderOpenApiPage } from "../../scripts/reference/openapi.ts";
import { runProcess } from "../harness/run-process.ts";
import { cleanEnvironment, temporaryFolder } from "../harness/unibus.ts";

const REDOCLY = join(import.meta.dir, "../../node_modules/@redocly/cli/bin/cli.js");
/** It tells its makers what it was used for, unless it is told not to. */
const SILENT = { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };

/** Asks Redocly's own rules, which know more than the schema of OpenAPI: references, examples, names. */
async function lint(document: string): Promise<readonly string[]> {
  using folder = temporaryFolder();
  const path = join(folder.path, "openapi.json");
  await Bun.write(path, document);
  const { stdout, stderr } = await runProcess(
    [process.execPath, REDOCLY, "lint", "--format=json", path],
    { cwd: folder.path, env: cleanEnvironment(SILENT) },
  );
  if (!stdout.startsWith("{")) throw new Error(stderr);
  const told: { readonly problems: readonly { readonly message: string }[] } = JSON.parse(stdout);
  return told.problems.map(({ message }) => message);
}

describe("the OpenAPI document", () => {
  test("is valid by the schema of OpenAPI 3.1", async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(JSON.parse(renderOpenApiPage()));
    expect([valid, errors]).toEqual([true, undefined]);
    expect(validator.version).toBe("3.1");
  });

  test("is valid by the rules of another validator, without a warning", async () => {
    expect(await lint(renderOpenApiPage())).toEqual([]);
  });

  test("would be found wrong by both", async () => {
    const wrong = JSON.parse(renderOpenApiPage());
    wrong.paths["/v1/rooms"].get.responses["200"].description = 1;
    delete wrong.components.schemas.Room;
    expect((await new Validator().validate(wrong)).valid).toBe(false);
    expect(await lint(JSON.stringify(wrong))).not.toEqual([]);
  });
});
