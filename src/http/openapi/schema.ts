import { Kind, type TSchema } from "@sinclair/typebox";
import * as bus from "../../contract/bus.ts";
import * as health from "../../contract/health.ts";
import * as invites from "../../contract/invites.ts";
import * as me from "../../contract/me.ts";
import * as members from "../../contract/members.ts";
import * as nodes from "../../contract/nodes.ts";
import * as problems from "../../contract/problems.ts";
import * as records from "../../contract/records.ts";
import * as refusals from "../../contract/refusals.ts";
import * as rooms from "../../contract/rooms.ts";
import * as tokens from "../../contract/tokens.ts";
import * as users from "../../contract/users.ts";

/** JSON Schema, draft 2020-12, as a document holds it. */
export type JsonSchema = { readonly [keyword: string]: unknown };

const CONTRACT = {
  ...bus,
  ...health,
  ...invites,
  ...me,
  ...members,
  ...nodes,
  ...problems,
  ...records,
  ...refusals,
  ...rooms,
  ...tokens,
  ...users,
};

/** The objects of the contract by their names: what documents refer to. Paths and queries are spread. */
const NAMED: readonly (readonly [name: string, schema: TSchema])[] = Object.entries(CONTRACT)
  .filter(([name, schema]) => schema[Kind] === "Object" && !/(?:Params|Query)$/.test(name))
  .sort(([one], [other]) => (one < other ? -1 : 1));

const BY_IDENTITY = new Map(NAMED.map(([name, schema]) => [schema, name]));
// What is optional somewhere is a copy there.
const BY_TEXT = new Map(NAMED.map(([name, schema]) => [JSON.stringify(schema), name]));

/** The name that the contract has for a shape, or null. */
export function schemaName(schema: TSchema): string | null {
  return BY_IDENTITY.get(schema) ?? BY_TEXT.get(JSON.stringify(schema)) ?? null;
}

/** Every named shape of the contract, rendered. */
export function renderSchemas(): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries(NAMED.map(([name, schema]) => [name, renderBody(schema)]));
}

/** Renders a shape for a document; a named one as a reference to it. */
export function renderSchema(schema: TSchema): JsonSchema {
  const name = schemaName(schema);
  return name === null ? renderBody(schema) : { $ref: `#/components/schemas/${name}` };
}

/** TypeBox's schemas are JSON Schema already, but for the long way in which they say three things. */
function renderBody(schema: TSchema): JsonSchema {
  const { anyOf, properties, items, patternProperties, ...rest } = schema;
  return {
    // A copy has no symbols: what TypeBox keeps for itself.
    ...JSON.parse(JSON.stringify(rest)),
    ...(properties ? { properties: renderAll(properties) } : {}),
    ...(patternProperties ? { patternProperties: renderAll(patternProperties) } : {}),
    ...(items ? { items: renderSchema(items) } : {}),
    ...(anyOf ? renderUnion(anyOf) : {}),
  };
}

function renderAll(schemas: Readonly<Record<string, TSchema>>): JsonSchema {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, renderSchema(schema)]),
  );
}

/** A union of texts is an enumeration, and one with null a type of two names. */
function renderUnion(members: readonly TSchema[]): JsonSchema {
  const texts = members.map((member): unknown => member.const);
  if (texts.every((text) => typeof text === "string")) return { type: "string", enum: texts };
  const [one, other, ...more] = members;
  if (!one || other?.type !== "null" || more.length > 0) {
    return { anyOf: members.map(renderSchema) };
  }
  const rendered = renderSchema(one);
  if (typeof rendered.type !== "string") return { anyOf: [rendered, { type: "null" }] };
  const { enum: values } = rendered;
  return {
    ...rendered,
    type: [rendered.type, "null"],
    ...(Array.isArray(values) ? { enum: [...values, null] } : {}),
  };
}
