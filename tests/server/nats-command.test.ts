import { expect, test } from "bun:test";
import { unibusCommand } from "../harness/command.ts";
import { proving, recordProof } from "../harness/counts.ts";
import { eventually } from "../harness/eventually.ts";
import { obtainNatsCommand } from "../harness/nats-command.ts";
import { openTerminal } from "../harness/terminal.ts";
import { cleanEnvironment, startUnibus, temporaryFolder } from "../harness/unibus.ts";

const obtained = proving ? await obtainNatsCommand() : { missing: "it takes a minute" };
const place = "folder" in obtained ? obtained.folder : null;
const why = "missing" in obtained ? obtained.missing : "";
const runs = place === null ? test.skip : test;

interface Shown {
  readonly subject: string;
  readonly as: {
    readonly publish: string;
    readonly inboxPrefix: string;
    readonly servers: readonly string[];
    readonly commands: { readonly listen: string; readonly speak: string };
  };
}

runs(
  `the lines that room show prints work in the nats command, request and reply too${why && ` (prove: ${why})`} [M-002, G-13]`,
  async () => {
    using folder = temporaryFolder();
    await using bus = await startUnibus();
    const env = cleanEnvironment({
      HOME: folder.path,
      PATH: `${place}:${process.env.PATH ?? ""}`,
    });
    await using stack = new AsyncDisposableStack();
    const open = () => stack.use(openTerminal({ cwd: folder.path, env }));
    const at = `--data-dir ${bus.dataDir}`;
    const typed = open();
    const unibus = unibusCommand().join(" ");
    const must = async (line: string): Promise<void> => {
      const code = await typed.type(line);
      if (code !== 0) throw new Error(`${line}: exit ${code}\n${typed.shown.join("\n")}`);
    };
    for (const name of ["alice", "bob"]) {
      await must(`${unibus} key new ${name}.nk`);
      await must(`${unibus} user add $(${unibus} key show ${name}.nk) --name ${name} ${at}`);
    }
    await must(`${unibus} room create ops --owner alice ${at}`);
    await must(`${unibus} room add ops bob ${at}`);
    const show = async (name: string): Promise<Shown> => {
      await must(`${unibus} room show ops --as ${name} --json ${at} > ${name}.json`);
      return await Bun.file(`${folder.path}/${name}.json`).json();
    };
    const alice = await show("alice");
    const bob = await show("bob");

    const listens = open();
    listens.leave(bob.as.commands.listen);
    await eventually(() => listens.shown.some((line) => line.includes("Subscribing on")));
    await must(alice.as.commands.speak);
    await listens.shows(["hello"]);

    const nats = (name: string, { as }: Shown) =>
      `nats --server ${as.servers[0]} --nkey ${name}.nk --inbox-prefix ${as.inboxPrefix}`;
    const answers = open();
    answers.leave(`${nats("bob", bob)} reply '${bob.subject}.*.ask' 'yes {{Request}}'`);
    await eventually(() => answers.shown.some((line) => line.includes("Listening on")));
    const ask = alice.as.publish.replace(/msg$/, "ask");
    await must(`${nats("alice", alice)} request '${ask}' 'there?'`);
    await typed.shows(["yes there?"]);

    await must(`${unibus} user revoke bob ${at}`);
    await eventually(() => listens.shown.some((line) => /authorization violation/i.test(line)), {
      timeoutMs: 20_000,
    });
    expect(await typed.type(bob.as.commands.speak)).not.toBe(0);
    recordProof("nats-command", { version: "0.3.0", lines: 4 });
  },
  120_000,
);
