/** A schema of an OpenAPI document, as far as it is looked at. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
  };
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** One place of one route where a request carries a text. */
export interface StringSlot {
  readonly method: string;
  readonly path: string;
  readonly place: "path" | "query" | "header" | "body";
  /** Its name; the members that lead to it where it lies in a body. */
  readonly name: string;
}

/** A request with one text in one place, and what is right in the others. */
export interface Filled {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Lists every place where a request can carry a text, by the node's own description. */
export function listStringSlots(document: OpenApi): readonly StringSlot[] {
  return operationsOf(document).flatMap(({ method, path, operation }) => {
    const parameters = (operation.parameters ?? []).map((one) => resolve(document, one));
    const schema = bodyOf(operation);
    return [
      ...parameters.map(({ name, in: place }) => ({ method, path, place, name })),
      ...(schema ? textsOf(document, schema, "") : []).map((name) => ({
        ...{ method, path, name },
        place: "body" as const,
      })),
    ];
  });
}

/** What is right in a place: a key, a room that is there. */
export type Valid = (name: string, place: StringSlot["place"]) => unknown;

/** Makes the request of a slot, with a text in it and in its other places what `valid` tells. */
export async function fillSlot(
  document: OpenApi,
  slot: StringSlot,
  { text, valid }: { readonly text: string; readonly valid: Valid },
): Promise<Filled> {
  const { method, place, name } = slot;
  const operation = document.paths[slot.path]?.[method.toLowerCase()];
  const parameters = (operation?.parameters ?? []).map((one) => resolve(document, one));
  const valueAt = async (at: StringSlot["place"], parameter: string): Promise<string> =>
    encodeURIComponent(at === place && parameter === name ? text : `${await valid(parameter, at)}`);
  let path = slot.path;
  for (const [parameter, inside = ""] of path.matchAll(/\{([^}]+)\}/g)) {
    path = path.replace(parameter, await valueAt("path", inside));
  }
  const query: string[] = [];
  for (const parameter of parameters) {
    const asked = parameter.required || (place === "query" && parameter.name === name);
    if (parameter.in !== "query" || !asked) continue;
    query.push(`${parameter.name}=${await valueAt("query", parameter.name)}`);
  }
  const schema = operation ? bodyOf(operation) : null;
  const target = place === "body" ? name : null;
  return {
    method,
    path: query.length === 0 ? path : `${path}?${query.join("&")}`,
    headers: place === "header" ? { [name]: text } : {},
    body: schema ? await leastOf(document, schema, { target, at: "", text, valid }) : undefined,
  };
}

function operationsOf({ paths }: OpenApi) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
}

function bodyOf(operation: Operation): Schema | null {
  return operation.requestBody?.content["application/json"]?.schema ?? null;
}

/** Follows a reference inside the document. */
function resolve<T extends { readonly $ref?: string }>(document: OpenApi, one: T): T {
  const [, kind = "", name = ""] = /^#\/components\/([^/]+)\/([^/]+)$/.exec(one.$ref ?? "") ?? [];
  if (name === "") return one;
  // What stands under the name of its kind has its shape.
  return document.components[kind]?.[name] as T;
}

/** A schema without its references and unions: the first kind that it may be. */
function plain(document: OpenApi, schema: Schema): Schema {
  const resolved = resolve(document, schema);
  const [first] = resolved.anyOf ?? resolved.oneOf ?? resolved.allOf ?? [];
  return first ? plain(document, first) : resolved;
}

function textsOf(document: OpenApi, schema: Schema, at: string): readonly string[] {
  const { type, properties, items } = plain(document, schema);
  if (properties) {
    return Object.entries(properties).flatMap(([name, member]) =>
      textsOf(document, member, at === "" ? name : `${at}.${name}`),
    );
  }
  if (items) return textsOf(document, items, at);
  const isText = type === "string" || (Array.isArray(type) && type.includes("string"));
  const { enum: values, const: value } = plain(document, schema);
  return isText || values || typeof value === "string" ? [at] : [];
}

/** The least that a schema takes, with a text in the target. */
async function leastOf(
  document: OpenApi,
  schema: Schema,
  way: {
    readonly target: string | null;
    /** Where it lies in the body. */
    readonly at: string;
    readonly text: string;
    readonly valid: Valid;
  },
): Promise<unknown> {
  const { at, target, text, valid } = way;
  if (at === target) return text;
  const { properties, required = [], items } = plain(document, schema);
  if (items) return [await leastOf(document, items, way)];
  if (!properties) return await valid(at.split(".").at(-1) ?? "", "body");
  const body: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(properties)) {
    const next = at === "" ? name : `${at}.${name}`;
    const asked = required.includes(name) || target === next || target?.startsWith(`${next}.`);
    if (asked) body[name] = await leastOf(document, member, { ...way, at: next });
  }
  return body;
}
