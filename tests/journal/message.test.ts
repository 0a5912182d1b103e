import { describe, expect, test } from "bun:test";
import { parseMessage, renderMessage } from "../../src/journal/message.ts";
import { anOperation, anOperationId, aUser } from "../harness/builders.ts";
import { expectGolden } from "../harness/golden.ts";

describe("a message", () => {
  test("reads back as what went into it", () => {
    const message = { mark: "m", operation: anOperation({ kind: "user.revoke", user: aUser() }) };
    expect(parseMessage(renderMessage(message))).toEqual(message);
  });

  test("has one form, which nodes of other versions read", () => {
    const user = aUser("alice");
    const operation = anOperation(
      { kind: "user.add", user, name: "Zoë 部屋", role: "member" },
      { id: anOperationId("one"), idempotencyKey: "once" },
    );
    const bytes = renderMessage({ mark: "m", operation });
    expectGolden("journal-message.txt", `${new TextDecoder().decode(bytes)}\n`);
  });
});
