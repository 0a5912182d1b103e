import { join } from "node:path";
import type { NodePlace } from "./cluster.ts";
import { eventually } from "./eventually.ts";
import type { TestKey } from "./raw-nats.ts";

/** Somebody who logs in at a node from inside its network, and says what becomes of it. */
export function loginInside(
  place: NodePlace | undefined,
  { port, key }: { readonly port: number; readonly key: TestKey },
) {
  const words = [join(import.meta.dir, "hold-login.ts"), place?.host ?? "", `${port}`];
  const child = Bun.spawn(
    [...(place?.prefix ?? []), process.execPath, ...words, Buffer.from(key.seed).toString("hex")],
    { stdout: "pipe", stderr: "ignore" },
  );
  const said: { readonly word: string; readonly at: number }[] = [];
  void (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      const words = decoder.decode(chunk).trim().split("\n");
      said.push(...words.map((word) => ({ word, at: performance.now() })));
    }
  })();
  return {
    has: (word: string): boolean => said.some((one) => one.word === word),
    /** Waits for a word, and tells when it was said. */
    async says(wanted: string, timeoutMs = 10_000): Promise<number> {
      const what = `"${wanted}" of a client`;
      const found = await eventually(() => said.find(({ word }) => word === wanted), {
        ...{ timeoutMs, what },
      });
      return found.at;
    },
    [Symbol.dispose]: () => child.kill(),
  };
}
