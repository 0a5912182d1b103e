import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { UserId } from "../core/ids.ts";
import { NATS_LOGIN_TIMEOUT_MS } from "../core/limits.ts";
import {
  type AuthMode,
  decideLogin,
  hasLostRights,
  LOGIN_REFUSALS,
  type LoginDecision,
  type LoginProof,
  type LoginRefusal,
} from "../core/login.ts";
import type { Effect } from "../core/operations.ts";
import type { Membership } from "../core/permissions.ts";
import { meSubject } from "../core/subjects.ts";
import { wordsOf } from "../core/thrown.ts";
import type { Log } from "../system/log.ts";
import { withTimeout } from "../system/wait.ts";
import type { OpenConnection } from "./connections.ts";
import { createKicks } from "./kicks.ts";
import {
  isRequestOf,
  isTooLate,
  type LoginRequest,
  proveLogin,
  readLoginRequest,
  refuseOffer,
} from "./login-request.ts";
import { createRefusalReporter } from "./refusal-reporter.ts";
import { createRefusals, type Refusals } from "./refusals.ts";
import { createRegistry, type Registry } from "./registry.ts";
import type { ServiceKey } from "./service-key.ts";
import { renderLoginAnswer, renderUserJwt } from "./user-jwt.ts";
import { createWaitingLogins } from "./waiting-logins.ts";

/** How long a kick waits for the events that tell its reason. */
const TELL_TIMEOUT_MS = 100;

/** What nats.js calls itself over TCP and over WebSocket. */
const NATS_JS = new Set(["nats.js", "nats.ws"]);

/** What the decision reads: the directory as it is now. */
export interface Directory {
  findState(user: UserId): "active" | "revoked" | null;
  /** Active memberships of an active user; [] otherwise. */
  listMemberships(user: UserId): readonly Membership[];
}

export interface AuthorizationOptions {
  readonly authorization: NatsConnection;
  readonly system: NatsConnection;
  readonly app: NatsConnection;
  readonly issuer: ServiceKey;
  readonly mode: AuthMode;
  readonly connectionsPerUser: number;
  readonly directory: Directory;
  readonly log: Log;
  readonly now: () => number;
  readonly random: () => number;
}

/** The service that admits connections, knows them, and closes those that lost a right. */
export interface Authorization {
  readonly registry: Registry;
  readonly refusals: Refusals;
  /** Runs effects of an applied operation: tells users first, then closes what lost a right. */
  apply(effects: readonly Effect[], entry: number): void;
  /**
   * Admits from now on, or not: who does not know the latest changes can vouch for nobody. Under enforce
   * what is open is closed then; the other modes admit everybody anyway.
   */
  admit(open: boolean): void;
  /** Closes every open connection that holds a right its user no longer has. */
  recheckAll(): void;
  /**
   * Closes connections that asked for a login while nobody listened: they would wait for nats-server's
   * time-out; closed, they come back at once. Those of nats.js are left to that time-out: one that is
   * closed during its login waits for a longer one of its own. Who has not said what it is has not
   * asked yet.
   * Source: `protocol.ts` of @nats-io/nats-core (`dial` and `disconnected` wait for each other).
   */
  releaseUnanswered(
    open: readonly Pick<OpenConnection, "connection" | "account" | "library">[],
  ): void;
  /** Closes a connection that nobody here admitted. */
  kickUnknown(connection: number): void;
  /** Gives all answers that are held back, and holds none back from now on: before the end. */
  answerHeld(): void;
}

/**
 * Answers nats-server's login requests (auth callout). Each decision is one synchronous step: read
 * the directory, enter the registry, sign. So a change of rights either is in the decision or finds
 * the connection in the registry; there is nothing between. Any doubt or throw refuses.
 * Source: NATS ADR-26.
 */
export function startAuthorization(options: AuthorizationOptions): Authorization {
  const { authorization, system, app, directory, log } = options;
  const registry = createRegistry();
  const refusals = createRefusals();
  const waiting = createWaitingLogins();
  let registryServer = "";
  let changes = 0;
  let isOpen = true;
  const serverId = (): string => authorization.info?.server_id ?? "";
  const kicks = createKicks({ system, serverId, log });
  const reporter = createRefusalReporter({
    ...{ refusals, log, now: options.now },
    elapsed: () => performance.now(),
  });

  function decide(request: LoginRequest): LoginDecision {
    if (!isOpen && options.mode === "enforce") return { kind: "refused", reason: "node-stale" };
    const proved = proveLogin(request, directory.findState);
    const reason =
      proved.kind === "proved" ? refuseConnection(request.connection, proved.user) : null;
    const proof: LoginProof = reason === null ? proved : { kind: "refused", reason };
    const memberships = proof.kind === "proved" ? directory.listMemberships(proof.user) : [];
    return decideLogin({ mode: options.mode, proof, memberships });
  }

  function refuseConnection(connection: number, user: UserId): LoginRefusal | null {
    // nats-server lets a client say CONNECT again, as somebody else. What the connection was granted
    // first would be forgotten here, and a change of those rights would not find it.
    if (registry.find(connection) !== null) return "login-repeated";
    return isFull(user) ? "connections-full" : null;
  }

  function isFull(user: UserId): boolean {
    if (registry.countOf(user) < options.connectionsPerUser) return false;
    // A client that went away while it was admitted leaves no event behind.
    registry.dropUnopened(options.now() - 2 * NATS_LOGIN_TIMEOUT_MS);
    return registry.countOf(user) >= options.connectionsPerUser;
  }

  /** Forgets the connections of a nats-server that is gone: another one numbers its own anew. */
  function followServer(): string {
    const server = serverId();
    if (server !== registryServer) registry.clear();
    registryServer = server;
    return server;
  }

  /**
   * Takes a login request. Strangers cause as many as they like, so what costs least comes first: one
   * that nobody waits for any more is dropped, one without a key is refused, and neither costs a
   * signature check or waits for anything.
   */
  function take(message: Msg): void {
    const token = message.string();
    const request = readLoginRequest(token, followServer());
    if (request === null) {
      refuseMalformed();
      return;
    }
    if (isTooLate(request, options.now())) {
      reporter.countLate();
      return;
    }
    const offer = options.mode === "enforce" ? refuseOffer(request.credentials) : null;
    if (offer !== null) reporter.refuse(request, offer, () => message.respond());
    else if (isOpen || options.mode !== "enforce") answer(message, request);
    else waiting.add(() => answer(message, request));
  }

  const refuseMalformed = (): void =>
    log.error("login.malformed", `A login was refused: ${LOGIN_REFUSALS["request-malformed"]}`);

  function answer(message: Msg, request: LoginRequest): void {
    const server = followServer();
    const decision = decideSafely(request);
    if (decision.kind === "refused") {
      // An empty answer refuses, and costs no signature.
      reporter.refuse(request, decision.reason, () => message.respond());
      return;
    }
    // What is refused needs no proof that nats-server asked; what is granted does.
    if (!isRequestOf(message.string(), server)) {
      refuseMalformed();
      return;
    }
    const { connection, userNkey } = request;
    const admittedAt = options.now();
    registry.add({ connection, grant: decision.grant, admittedAt, changesSeen: changes });
    if (decision.wouldRefuse !== null) reporter.tellAdmitted(request, decision.wouldRefuse);
    const { issuer, random } = options;
    const times = { nowMs: options.now(), jitter: random() };
    const jwt = renderUserJwt({ userNkey, grant: decision.grant, issuer, ...times });
    message.respond(renderLoginAnswer({ userNkey, serverId: server, issuer, ...times, jwt }));
  }

  function decideSafely(request: LoginRequest): LoginDecision {
    try {
      return decide(request);
    } catch (error) {
      log.error("login.failed", `A login could not be judged: ${wordsOf(error)}`);
      return { kind: "refused", reason: "internal" };
    }
  }

  function recheck(user: UserId, open = registry.ofUser(user)): void {
    if (open.length === 0) return;
    const active = directory.findState(user) === "active";
    const memberships = active ? directory.listMemberships(user) : [];
    for (const { connection, grant } of open) {
      if (hasLostRights(grant, { active, memberships })) kicks.kick(connection);
    }
  }

  /** A kick that came while nats-server was still admitting the connection is made good here. */
  function opened(connection: number): void {
    registry.confirm(connection);
    const admitted = registry.find(connection);
    if (!admitted?.grant.user || admitted.changesSeen === changes) return;
    recheck(admitted.grant.user, [admitted]);
  }

  /**
   * Every node of a cluster does the same effects: one that has no connection of the user is silent, and
   * who is connected to two hears twice of one entry.
   */
  function tell(effect: Extract<Effect, { kind: "user.told" }>, entry: number): void {
    const { user, event, room, role } = effect;
    if (registry.countOf(user) === 0) return;
    app.publish(meSubject(user, event), JSON.stringify({ event, room, role, entry }));
  }

  authorization.subscribe("$SYS.REQ.USER.AUTH", {
    callback: (error, message) => (error ? undefined : take(message)),
  });
  system.subscribe("$SYS.ACCOUNT.*.DISCONNECT", {
    callback: (_error, message) => onEvent(message, serverId(), registry.remove),
  });
  system.subscribe("$SYS.ACCOUNT.*.CONNECT", {
    callback: (_error, message) => onEvent(message, serverId(), opened),
  });

  return {
    registry,
    refusals,
    apply(effects, entry) {
      followServer();
      changes++;
      const users = effects.flatMap((effect) =>
        effect.kind === "rights.changed" ? effect.users : [],
      );
      const told = effects.filter((effect) => effect.kind === "user.told");
      for (const effect of told) tell(effect, entry);
      const recheckThem = (): void => {
        for (const user of users) recheck(user);
      };
      // Events first, so that they reach a client before its connection is closed.
      if (told.length === 0 || users.length === 0) recheckThem();
      else void withTimeout(app.flush(), TELL_TIMEOUT_MS).then(recheckThem, recheckThem);
    },
    admit(open) {
      isOpen = open;
      if (open) waiting.judgeAll();
      if (open || options.mode !== "enforce") return;
      for (const { connection } of registry.all()) kicks.kick(connection);
    },
    recheckAll() {
      const users = new Set<UserId>();
      for (const { grant } of registry.all()) if (grant.user) users.add(grant.user);
      for (const user of users) recheck(user);
    },
    answerHeld() {
      waiting.judgeAll();
      reporter.answerHeld();
    },
    releaseUnanswered(open) {
      followServer();
      for (const { connection, account, library } of open) {
        const unanswered = account === "" && registry.find(connection) === null;
        const comesBack = library !== "" && !NATS_JS.has(library);
        if (unanswered && comesBack) kicks.kick(connection);
      }
    },
    kickUnknown(connection) {
      log.error("connection.unknown", "A connection that was not admitted here is closed", {
        connection,
      });
      kicks.kick(connection);
    },
  };
}

/** The system account hears of every node's connections, and each server numbers its own. */
function onEvent(message: Msg, serverId: string, act: (connection: number) => void): void {
  const event: unknown = message.json();
  if (typeof event !== "object" || event === null || !("client" in event)) return;
  if (!("server" in event) || !isServer(event.server, serverId)) return;
  const { client } = event;
  if (typeof client !== "object" || client === null || !("id" in client)) return;
  if (typeof client.id === "number") act(client.id);
}

function isServer(server: unknown, serverId: string): boolean {
  return typeof server === "object" && server !== null && "id" in server && server.id === serverId;
}
