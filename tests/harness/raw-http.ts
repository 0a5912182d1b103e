import { connect, type Socket } from "node:net";
import { eventually } from "./eventually.ts";

/** A connection on which a test says what no HTTP client would. */
export interface RawHttp extends Disposable {
  readonly socket: Socket;
  /** All that came back so far. */
  readonly received: string;
  readonly closed: boolean;
  /** When it was closed, by performance.now(); 0 while it is open. */
  readonly closedAt: number;
  /** The status of each answer so far, in their order. */
  statuses(): readonly number[];
}

/** Opens a connection, from an address of loopback, and says something at once. */
export async function openHttp(
  port: number,
  text: string | Uint8Array = "",
  from = "127.0.0.1",
): Promise<RawHttp> {
  const socket = connect({ port, host: "127.0.0.1", localAddress: from });
  const opened = Promise.withResolvers<void>();
  const state = { received: "", closedAt: 0 };
  socket.on("connect", () => opened.resolve());
  socket.on("data", (data) => {
    state.received += data;
  });
  socket.on("error", () => opened.resolve());
  socket.on("close", () => {
    state.closedAt = performance.now();
    opened.resolve();
  });
  await opened.promise;
  if (text.length > 0) socket.write(text);
  return {
    socket,
    get received() {
      return state.received;
    },
    get closed() {
      return state.closedAt > 0;
    },
    get closedAt() {
      return state.closedAt;
    },
    statuses: () =>
      [...state.received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => Number(code)),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/**
 * Says something, waits for `answers` answers or the end of the connection, then asks for one thing
 * more on the same connection, so that all that was said before is surely dealt with.
 * Returns the status of every answer but the last question's.
 */
export async function answersTo(
  port: number,
  text: string | Uint8Array,
  host: string,
): Promise<readonly number[]> {
  using connection = await openHttp(port, text);
  connection.socket.write(`GET /v1/last HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  await eventually(() => connection.closed, { what: "the connection to be closed" });
  const statuses = connection.statuses();
  const last = connection.received.lastIndexOf("HTTP/1.1 ");
  return connection.received.slice(last).includes("route-not-found")
    ? statuses.slice(0, -1)
    : statuses;
}
