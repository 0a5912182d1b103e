import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { UserId } from "../core/ids.ts";
import { NATS_LOGIN_TIMEOUT_MS } from "../core/limits.ts";
import {
  type AuthMode,
  decideLogin,
  type Grant,
  hasLostRights,
  LOGIN_REFUSALS,
  type LoginDecision,
  type LoginProof,
  type LoginRefusal,
} from "../core/login.ts";
import type { Effect } from "../core/operations.ts";
import { meSubject } from "../core/subjects.ts";
import { wordsOf } from "../core/thrown.ts";
import type { Log } from "../system/log.ts";
import { withTimeout } from "../system/wait.ts";
import { watchConnections } from "./connection-events.ts";
import { isComingBack, type OpenConnection, type UnansweredConnection } from "./connections.ts";
import type { Directory } from "./directory.ts";
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
import { createRightsChanges } from "./rights-changes.ts";
import type { ServiceKey } from "./service-key.ts";
import { judgeUnknown } from "./unknown-connections.ts";
import { renderLoginAnswer, renderUserJwt } from "./user-jwt.ts";
import { createWaitingLogins } from "./waiting-logins.ts";

/** How long a kick waits for the events that tell its reason. */
const TELL_TIMEOUT_MS = 100;

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
   * Closes connections that asked for a login while nobody listened, or whose answer was lost: they would
   * wait for nats-server's time-out; closed, they come back at once. `open` was asked for at `askedAt`.
   */
  releaseUnanswered(open: readonly UnansweredConnection[], askedAt: number): void;
  /** Judges a user's connection that is open and not in the registry: takes it in, or closes it. */
  adopt(open: OpenConnection): void;
  /** A connection of this service is back: does at once what was lost with the old one. */
  resume(): void;
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
  const rightsChanges = createRightsChanges();
  let registryServer = authorization.info?.server_id ?? "";
  let changes = 0;
  let isOpen = true;
  const kicks = createKicks({ system, serverId: followServer, log });
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

  /**
   * Forgets the connections of a nats-server that is gone: another one numbers its own anew. While the
   * connection to it is made again nobody knows which one is there, and it is taken for the same.
   */
  function followServer(): string {
    const server = authorization.info?.server_id ?? "";
    if (server === "" || server === registryServer) return registryServer;
    registry.clear();
    rightsChanges.clear();
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
    enter(connection, decision.grant, { adopted: false });
    if (decision.wouldRefuse !== null) reporter.tellAdmitted(request, decision.wouldRefuse);
    const { issuer, random } = options;
    const times = { nowMs: options.now(), jitter: random() };
    const jwt = renderUserJwt({ userNkey, grant: decision.grant, issuer, ...times });
    message.respond(renderLoginAnswer({ userNkey, serverId: server, issuer, ...times, jwt }));
  }

  function enter(connection: number, grant: Grant, { adopted }: { adopted: boolean }): void {
    const admittedAt = options.now();
    rightsChanges.noteAdmission(connection);
    registry.add({ connection, grant, admittedAt, changesSeen: changes, adopted });
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

  function closed(connection: number): void {
    registry.remove(connection);
    kicks.settle(connection);
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
  watchConnections({ system, serverId: followServer, opened, closed });

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
      rightsChanges.noteChange(users);
      for (const effect of told) tell(effect, entry);
      const recheckThem = (): void => {
        for (const user of users) {
          // What these were granted is not known: perhaps what is gone now.
          for (const { connection } of registry.adoptedOf(user)) kicks.kick(connection);
          recheck(user);
        }
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
    releaseUnanswered(open, askedAt) {
      followServer();
      for (const row of open) {
        const admittedAt = registry.find(row.connection)?.admittedAt ?? 0;
        const unanswered = row.account === "" && admittedAt < askedAt;
        if (unanswered && isComingBack(row)) kicks.kick(row.connection);
      }
    },
    adopt(open) {
      const { connection } = open;
      const refuses = (user: UserId): boolean =>
        !isOpen || isFull(user) || rightsChanges.mayHaveChanged(user, connection);
      const grant = judgeUnknown(open, { mode: options.mode, directory, refuses, log });
      if (grant === null) kicks.kick(connection);
      else enter(connection, grant, { adopted: true });
    },
    resume() {
      followServer();
      kicks.retry();
    },
  };
}
