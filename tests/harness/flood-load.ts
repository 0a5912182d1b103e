/**
 * Strangers' logins without a key: connect, say CONNECT and close, without waiting for any answer. Run
 * as a process of its own: `flood-load.ts PORT PER_SECOND`, 0 for as many as the machine gives. Says
 * "begun" at its first connection and ends at the end of its input, with the number that it made.
 */
import type { Socket } from "bun";

/** Connections under way at once: what is not closed yet holds a descriptor. */
const OPEN_MAX = 4_000;
const TICK_MS = 5;

const [, , ...numbers] = process.argv;
const [port = 0, rate = 0] = numbers.map(Number);
const startedAt = performance.now();
let begun = 0;
let said = 0;
let open = 0;

/** Closed without unread words, so that nothing of what was said is thrown away by the kernel. */
const SOCKET = {
  data(socket: Socket): void {
    said++;
    if (said === 1) process.stdout.write("begun\n");
    socket.write("CONNECT {}\r\n");
    socket.close();
  },
  close: ended,
  connectError: ended,
  error: () => undefined,
};

function ended(): void {
  open--;
}

function knock(): void {
  begun++;
  open++;
  Bun.connect({ port, hostname: "127.0.0.1", socket: SOCKET }).catch(() => undefined);
}

const timer = setInterval(() => {
  const due = rate === 0 ? begun + OPEN_MAX : ((performance.now() - startedAt) * rate) / 1_000;
  while (begun < due && open < OPEN_MAX) knock();
}, TICK_MS);

await Bun.stdin.text();
clearInterval(timer);
const seconds = (performance.now() - startedAt) / 1_000;
process.stdout.write(`${said} ${Math.round(said / seconds)}\n`);
process.exit();
