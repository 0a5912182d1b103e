import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAccount, createOperator, createUser, type KeyPair } from "@nats-io/nkeys";
import { findNatsServer } from "../../src/nats/find-server.ts";
import { eventually } from "./eventually.ts";
import { accepts, holdPort } from "./machine.ts";

/** A stock nats-server that is no node's. */
export interface ExternalServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** What it logged. */
  readonly log: () => string;
  /** Ends it, and starts it again on its port, perhaps with another configuration. */
  end(): Promise<void>;
  startAgain(config?: object): Promise<void>;
}

/** Starts a nats-server with a configuration, on a free port of loopback. */
export async function startExternalServer(config: object = {}): Promise<ExternalServer> {
  const { path } = await findNatsServer({ env: process.env });
  await using held = await holdPort();
  const { port } = held;
  await held[Symbol.asyncDispose]();
  let said = "";
  async function launch(more: object): Promise<Bun.Subprocess> {
    const text = JSON.stringify({ host: "127.0.0.1", port, ...more });
    const child = Bun.spawn([path, "-c", "/dev/stdin"], {
      stdin: new Blob([text]),
      stdout: "ignore",
      stderr: "pipe",
      env: {},
    });
    void (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of child.stderr) said += decoder.decode(chunk, { stream: true });
    })();
    await eventually(
      async () => {
        if (child.exitCode !== null) throw new Error(`nats-server ended: ${said}`);
        return await accepts(port);
      },
      { what: "the external nats-server" },
    );
    return child;
  }
  let child = await launch(config);
  async function end(): Promise<void> {
    child.kill("SIGKILL");
    await child.exited;
  }
  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    log: () => said,
    end,
    async startAgain(other = config) {
      await end();
      child = await launch(other);
    },
    [Symbol.asyncDispose]: end,
  };
}

/** A server whose users have credentials, and a file with those of one. */
export interface Credentials {
  /** What the server is configured with. */
  readonly config: object;
  readonly file: string;
  /** Secrets that the file holds. */
  readonly secrets: readonly string[];
}

/**
 * Makes an operator, an account and a user, and writes the user's credentials as nsc does.
 * Source: nats-io/jwt v2, `user_claims.go`, `creds_utils.go`.
 */
export function makeCredentials(folder: string): Credentials {
  const [operator, account, user] = [createOperator(), createAccount(), createUser()];
  const operatorJwt = jwt(operator, operator, { type: "operator", version: 2 });
  const limits = { subs: -1, data: -1, payload: -1, conn: -1, leaf: -1, imports: -1, exports: -1 };
  const accountJwt = jwt(operator, account, { limits, type: "account", version: 2 });
  const userJwt = jwt(account, user, {
    ...{ subs: -1, data: -1, payload: -1, pub: {}, sub: {} },
    ...{ type: "user", version: 2 },
  });
  const seed = new TextDecoder().decode(user.getSeed());
  const file = join(folder, "unibus.creds");
  const block = (name: string, begin: string, text: string) =>
    `-----BEGIN ${begin}-----\n${text}\n------END ${name}------\n\n`;
  writeFileSync(
    file,
    block("NATS USER JWT", "NATS USER JWT", userJwt) +
      block("USER NKEY SEED", "USER NKEY SEED", seed),
    { mode: 0o600 },
  );
  return {
    config: {
      operator: operatorJwt,
      resolver: "MEMORY",
      resolver_preload: { [account.getPublicKey()]: accountJwt },
    },
    file,
    secrets: [seed, userJwt],
  };
}

function jwt(issuer: KeyPair, subject: KeyPair, nats: object): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = encode({ typ: "JWT", alg: "ed25519-nkey" });
  const body = encode({
    jti: subject.getPublicKey(),
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    name: "test",
    sub: subject.getPublicKey(),
    nats,
  });
  const signature = issuer.sign(new TextEncoder().encode(`${head}.${body}`));
  return `${head}.${body}.${Buffer.from(signature).toString("base64url")}`;
}
