import { randomBytes } from "node:crypto";
import type { Caller, Callers, SigningCaller } from "./callers.ts";

/** Somebody of docs/authorization.md who asks. */
export interface Asker extends Caller {
  readonly name: string;
  /** Its key; null for who has none. */
  readonly person: Person | null;
  /** The token that it bears; null for who has none. */
  readonly token: string | null;
}

/** Somebody with a key. */
export interface Person extends SigningCaller {
  /** What others may look it up by. */
  readonly userName: string;
}

/** One room and the people around it. Each is made when it is first asked for. */
export interface World {
  readonly operator: Caller;
  /** The id of the room. */
  room(): Promise<string>;
  person(name: PersonName): Promise<Person>;
  asker(name: string): Promise<Asker>;
  /** What those outside the room may not be told: of the room, and of who is in it. */
  readonly secrets: { readonly room: readonly string[]; readonly people: readonly string[] };
}

const IN_ROOM = ["reader", "writer", "member", "owner"] as const;
/** Beside the askers: another member of the room, one who waits to be in it, one in no room. */
export type PersonName =
  | (typeof IN_ROOM)[number]
  | "no user"
  | "revoked"
  | "outsider"
  | "pending"
  | "admin"
  | "former admin"
  | "another admin"
  | "bystander"
  | "another"
  | "waiting";

const TOKEN = /^(admin|owner|member|revoked): (read|write|admin)(?: (here|elsewhere))?$/;
const ROLES: Readonly<Record<string, string>> = {
  reader: "reader",
  writer: "writer",
  member: "member",
  another: "member",
};

export function createWorld(callers: Callers): World {
  const { operator } = callers;
  const once = createOnce();
  const secrets = { room: [] as string[], people: [] as string[] };

  const room = () =>
    once("room", async () => {
      const owner = await person("owner");
      const name = unique("room");
      const made = await operator.get<{ room: string }>("POST", "/v1/rooms", {
        ...{ name, owner: owner.user },
      });
      secrets.room.push(made.room, name);
      return made.room;
    });

  const person = (name: PersonName) => once(`person ${name}`, () => makePerson(name));

  async function makePerson(name: PersonName): Promise<Person> {
    const made: Person = { ...callers.signing(), userName: unique(name.replace(" ", "-")) };
    const { user, userName } = made;
    if (name === "no user") return made;
    const role = name.endsWith("admin") ? "admin" : "member";
    await operator.get("POST", "/v1/users", { user, name: userName, role });
    if (name === "owner" || name in ROLES) secrets.people.push(user, userName);
    if (name in ROLES) {
      const path = `/v1/rooms/${await room()}/members/${user}`;
      await operator.get("PUT", path, { role: ROLES[name] });
    }
    if (name === "pending" || name === "waiting") {
      const owner = await person("owner");
      await owner.get("PUT", `/v1/rooms/${await room()}/members/${user}`, {});
    }
    if (name === "outsider") await roomOf(made);
    if (name === "revoked") {
      await once("token revoked: write", () => makeToken(made, { scope: "write" }));
    }
    if (name === "revoked" || name === "former admin") {
      await operator.get("POST", `/v1/users/${user}/revoke?orphan=true`);
    }
    return made;
  }

  /** A room beside the one that all is about. */
  async function roomOf(member: Person): Promise<string> {
    const body = { name: unique("elsewhere") };
    const made = await operator.get<{ room: string }>("POST", "/v1/rooms", body);
    await operator.get("PUT", `/v1/rooms/${made.room}/members/${member.user}`, {});
    return made.room;
  }

  const bearer = (name: string, person: Person, scope: string, where: string | undefined) =>
    once(`token ${name}`, async () => {
      if (where === undefined) return await makeToken(person, { scope });
      const bound = where === "here" ? await room() : await roomOf(person);
      return await makeToken(person, { scope, room: bound });
    });

  async function asker(name: string): Promise<Asker> {
    if (name === "operator") return { ...operator, name, person: null, token: null };
    if (name.startsWith("unsigned")) {
      return { ...callers.unsigned, name, person: null, token: null };
    }
    const [, whose, scope = "", where] = TOKEN.exec(name) ?? [];
    // Names of the page's tables; the node refuses what another one would ask for.
    const asking = await person((whose ?? name) as PersonName);
    if (whose === undefined) return { ...asking, name, person: asking, token: null };
    const token = await bearer(name, asking, scope, where);
    return { ...callers.bearing(token), name, person: asking, token };
  }

  return { operator, room, person, asker, secrets };
}

/** Makes a token as its user does, and returns the text that is borne. */
export async function makeToken(person: Person, body: object): Promise<string> {
  const made = await person.get<{ secret: string }>("POST", "/v1/tokens", body);
  return made.secret;
}

/** Remembers what was made by its name, so that nothing is made twice. */
function createOnce(): <T>(name: string, make: () => Promise<T>) => Promise<T> {
  const made = new Map<string, Promise<unknown>>();
  return <T>(name: string, make: () => Promise<T>) => {
    const known = made.get(name);
    // What is kept under a name was made by the same words.
    if (known) return known as Promise<T>;
    const making = make();
    made.set(name, making);
    return making;
  };
}

function unique(word: string): string {
  return `${word}-${randomBytes(6).toString("hex")}`;
}
