// Tries src/store/rights-taken.ts on a whole node: an owner who toggles a member's role.
import { expect, test } from "bun:test";
import { openCallers } from "../harness/callers.ts";
import { count, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { settle, startScene } from "../harness/scene.ts";

test("an owner who toggles a role throws the member off once, and other rooms miss nothing after that", async () => {
  await using scene = await startScene();
  const callers = await openCallers(scene.unibus);
  const mallory = callers.signing();
  await scene.unibus.ask("POST", "/v1/users", { user: mallory.user });
  const [member, speaker] = [await scene.addUser(), await scene.addUser()];
  const theirs = await scene.addRoom([
    [mallory.signer.key, "owner"],
    [member, "member"],
  ]);
  const other = await scene.addRoom([
    [member, "member"],
    [speaker, "owner"],
  ]);
  const path = `/v1/rooms/${theirs.id}/members/${member.user}`;
  const toggle = (role: string) => mallory.ask("PUT", path, { body: { role } });

  using first = await scene.login(member);
  expect((await toggle("reader")).told).toBe("200");
  await eventually(() => first.closed, { what: "the member to lose its connection once" });
  using listening = await scene.login(member);
  using speaking = await scene.login(speaker);
  listening.subscribe(`${other.subject}.>`, "1");
  await settle(listening);
  const rounds = count("toggles");
  const refusals = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    refusals.add((await toggle("member")).told);
    // Taking is never refused.
    expect((await toggle("reader")).told).toBe("200");
    speaking.publish(other.as(speaker), `${round}`);
  }
  await settle(speaking, listening);
  expect([...refusals]).toEqual(["409 rights-taken-lately"]);
  expect(listening.closed).toBe(false);
  expect(listening.messages).toHaveLength(rounds);
  // What another owner, or the operator, gives is given.
  await scene.setRole(theirs, member, "member");
  recordProof("toggles of a member's role", { rounds, drops: 1, missed: 0 });
});
