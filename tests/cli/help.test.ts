import { describe, expect, test } from "bun:test";
import { renderCommandHelp, renderGroupHelp } from "../../src/cli/help.ts";
import { placeOptions, serveOptions, upOptions } from "../../src/cli/node-options.ts";
import { listSettings, variableOf } from "../../src/config/schema.ts";

const serve = renderCommandHelp("unibus serve", {
  description: "Runs a node.",
  options: serveOptions(),
});
const words = (text: string) => text.replace(/\s+/g, " ");

describe("the help of serve tells every flag [M-020, M-039]", () => {
  test.each(listSettings())("--$name with its default, variable and purpose", (setting) => {
    const line = serve
      .split("\n")
      .findIndex((one) => one.startsWith(`  --${setting.name} `) || one === `  --${setting.name}`);
    expect(line).toBeGreaterThan(0);
    const shown = setting.default === "" ? '""' : setting.default;
    expect(words(serve)).toContain(
      words(`${setting.help} (default ${shown}; ${variableOf(setting.name)})`),
    );
  });

  test("it has no colours, no trailing spaces and no line over 100 columns", () => {
    expect(serve).not.toContain("\u001b");
    for (const line of serve.split("\n")) {
      expect(line.length).toBeLessThanOrEqual(100);
      expect(line).toBe(line.trimEnd());
    }
  });

  test("flags stand under headings", () =>
    expect(serve.match(/^\w.*:$/gm)).toEqual([
      "Node:",
      "Data:",
      "Security:",
      "External NATS:",
      "Cluster:",
    ]));
});

test("up takes every flag of serve but the mode [G-11]", () => {
  const names = serveOptions().map(({ name }) => name);
  expect(upOptions().map(({ name }) => name)).toEqual(names.filter((name) => name !== "bus-auth"));
});

test("a command says by two options which node it means", () =>
  expect(placeOptions().map(({ name }) => name)).toEqual(["data-dir", "db"]));

test("an empty value is for those whose default is empty, and for --bind [G-07]", () => {
  for (const { name, emptyAllowed, default: fallback } of serveOptions()) {
    expect(emptyAllowed).toBe(fallback === "" || name === "bind");
  }
});

test("arguments and examples are shown as they are typed", () =>
  expect(
    renderCommandHelp("unibus room show", {
      description: "Shows a room.",
      positionals: [{ name: "ROOM", required: true, help: "id or name" }],
      options: [{ name: "as", kind: "text", value: "USER", help: "whose rights" }],
      examples: ["unibus room show ops --as ada"],
    }),
  ).toBe(`Shows a room.

Usage: unibus room show ROOM [options]

Arguments:
  ROOM
      id or name

Options:
  --as USER
      whose rights

Examples:
  unibus room show ops --as ada
`));

test("a group lists its commands", () =>
  expect(
    renderGroupHelp("unibus user", {
      description: "People on the bus.",
      commands: [
        { name: "add", description: "Admits a user." },
        { name: "revoke", description: "Throws a user out." },
      ],
    }),
  ).toBe(`People on the bus.

Usage: unibus user COMMAND

Commands:
  add     Admits a user.
  revoke  Throws a user out.

The options of a command: unibus user COMMAND --help
`));
