import { connectLine, type TestKey } from "../../tests/harness/raw-nats.ts";

/** A raw NATS connection that a load generator drives: nothing of a client library in the way. */
export interface RawLogin {
  readonly admitted: boolean;
  readonly socket: Bun.Socket<undefined>;
}

interface LoginOptions {
  /** Signs something else than the nonce. */
  readonly wrong?: boolean;
  /** Hears what arrives after the login. */
  readonly onData?: (data: Buffer) => void;
  /** Hears when the socket takes bytes again. */
  readonly onDrain?: () => void;
  /** Hears when the connection is closed, by whomever. */
  readonly onClose?: () => void;
}

/** Connects and logs in. Resolves when nats-server has answered: admitted, or closed. */
export function login(port: number, key: TestKey, options: LoginOptions = {}): Promise<RawLogin> {
  const { promise, resolve, reject } = Promise.withResolvers<RawLogin>();
  let told = "";
  let state: "info" | "answer" | "open" = "info";
  const connecting = Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(socket, data) {
        if (state === "open") {
          options.onData?.(data);
          return;
        }
        told += data.toString("latin1");
        if (state === "info" && told.includes("\r\n")) {
          state = "answer";
          socket.write(`${answerTo(told, key, options.wrong === true)}PING\r\n`);
        } else if (state === "answer" && told.includes("PONG\r\n")) {
          state = "open";
          resolve({ admitted: true, socket });
        }
      },
      drain: () => options.onDrain?.(),
      close: (socket) => {
        resolve({ admitted: false, socket });
        options.onClose?.();
      },
      error: (_socket, error) => reject(error),
    },
  });
  connecting.catch(reject);
  return promise;
}

function answerTo(info: string, key: TestKey, wrong: boolean): string {
  const { nonce = "" }: { nonce?: string } = JSON.parse(info.slice(5, info.indexOf("\r\n")));
  return connectLine(key, wrong ? `${nonce}x` : nonce);
}
