// Covers src/cli/room.ts, room-create.ts, room-own.ts, room-arguments.ts, room-show.ts, room-view.ts
// and pages.ts.
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { aUser } from "../harness/builders.ts";
import type { Ran } from "../harness/run-process.ts";
import { run, temporaryFolder } from "../harness/unibus.ts";

/** A bus with the users alice and bob, whose node does not run. */
async function busOfTwo() {
  const folder = temporaryFolder();
  const cli = (...args: string[]): Promise<Ran> => run(args, { cwd: folder.path });
  const json = async (...args: string[]) => JSON.parse((await cli(...args, "--json")).stdout);
  const [alice, bob] = [aUser(), aUser()];
  await cli("user", "seed", alice, "--name", "alice");
  await cli("user", "add", bob, "--name", "bob");
  return {
    path: folder.path,
    alice,
    bob,
    cli,
    json,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe("a room of a node that does not run", () => {
  test("is made, listed, given members, and deleted [M-014]", async () => {
    using bus = await busOfTwo();
    expect((await bus.cli("room", "list")).stdout).toContain("No rooms yet");
    const made = await bus.cli("room", "create", "ops", "--owner", "alice");
    expect(made.stdout).toStartWith('The room "ops" is made: ');
    const { rooms } = await bus.json("room", "list");
    const { room } = rooms[0];
    expect((await bus.cli("room", "list")).stdout).toBe(
      `ROOM                        CONTENT  HISTORY  MEMBERS  NAME\n${room}  plain    keep     1        ops\n`,
    );
    const added = await bus.cli("room", "add", "ops", "bob", "--role", "reader");
    expect([added.code, added.stdout]).toEqual([0, '"bob" is reader of "ops"\n']);
    const left = await bus.cli("room", "leave", "ops");
    expect([left.code, left.stderr]).toEqual([3, expect.stringContaining("room remove ROOM USER")]);
    expect((await bus.json("room", "accept", room, bus.bob)).state).toBe("active");
    expect((await bus.json("user", "show", "bob")).rooms).toEqual([
      { room, name: "ops", role: "reader", state: "active" },
    ]);
    expect(await bus.json("room", "remove", "ops", "bob")).toEqual({
      room,
      user: bus.bob,
      removed: true,
    });
    expect((await bus.cli("room", "remove", "ops", "bob")).code).toBe(3);
    expect(await bus.json("room", "delete", "ops")).toEqual({ room, deleted: true });
    const gone = await bus.cli("room", "show", room, "--json");
    expect([gone.code, JSON.parse(gone.stderr).code]).toEqual([3, "room-not-found"]);
  });

  test("whose name others have too is named by its id", async () => {
    using bus = await busOfTwo();
    const ids = [];
    for (const _ of [1, 2]) ids.push((await bus.json("room", "create", "ops")).room);
    const { code, stderr } = await bus.cli("room", "show", "ops", "--json");
    expect([code, JSON.parse(stderr).code]).toEqual([3, "name-ambiguous"]);
    for (const id of ids) expect(stderr).toContain(id);
    expect((await bus.json("room", "show", ids[0])).room).toBe(ids[0]);
  });
});

describe("room show --as", () => {
  test("prints what an owner types into a stock client", async () => {
    using bus = await busOfTwo();
    await bus.cli("room", "create", "ops", "--owner", "alice");
    const shown = await bus.json("room", "show", "ops", "--as", "alice");
    const { room, subject, as } = shown;
    expect(shown.subjects).toEqual({ all: `${subject}.>` });
    expect(shown.historyKept).toBe(false);
    const prefix = `_INBOX.${bus.alice}.${room}`;
    const nats = `nats --server SERVER-URL --nkey KEY-FILE --inbox-prefix ${prefix}`;
    expect(as).toEqual({
      user: bus.alice,
      role: "owner",
      state: "active",
      publish: `${subject}.${bus.alice}.msg`,
      subscribe: `${subject}.>`,
      inboxPrefix: prefix,
      dataPlane: "embedded",
      servers: [],
      commands: {
        listen: `${nats} sub '${subject}.>'`,
        speak: `${nats} pub '${subject}.${bus.alice}.msg' 'hello'`,
      },
    });
    const { stdout } = await bus.cli("room", "show", "ops", "--as", "alice");
    for (const line of [as.commands.listen, as.commands.speak])
      expect(stdout).toContain(`  ${line}\n`);
    expect(stdout).toContain("nothing is kept yet");
    expect(stdout).toContain("The node is stopped");
  });

  test("names the key file where it lies under the user's name", async () => {
    using bus = await busOfTwo();
    await bus.cli("room", "create", "ops", "--owner", "alice");
    writeFileSync(join(bus.path, "alice.nk"), "");
    const { as } = await bus.json("room", "show", "ops", "--as", "alice");
    expect(as.commands.listen).toContain(" --nkey alice.nk ");
  });

  test("prints no line for what a role may not", async () => {
    using bus = await busOfTwo();
    await bus.cli("room", "create", "ops", "--owner", "alice");
    const lines = async (role: string) => {
      await bus.cli("room", "add", "ops", "bob", "--role", role);
      const { listen, speak } = (await bus.json("room", "show", "ops", "--as", "bob")).as.commands;
      return [listen !== null, speak !== null];
    };
    expect(await lines("reader")).toEqual([true, false]);
    expect(await lines("writer")).toEqual([false, true]);
    expect(await lines("member")).toEqual([true, true]);
    await bus.cli("room", "remove", "ops", "bob");
    const { as } = await bus.json("room", "show", "ops", "--as", "bob");
    expect([as.role, as.commands]).toEqual([null, { listen: null, speak: null }]);
    expect((await bus.cli("room", "show", "ops", "--as", "bob")).stdout).toContain("is no member");
  });
});
