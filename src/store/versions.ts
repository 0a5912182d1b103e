import { hash } from "node:crypto";
import type { RoomRecord, UserRecord } from "../core/records.ts";

/** 132 bits: no two states of a record have one version. */
const VERSION_CHARS = 22;

/** The version of a user: another one after every change of its record. */
export function userVersion(record: UserRecord): string {
  const { user, name, role, state, accept, createdAt, changedAt } = record;
  return versionOf([user, name, role, state, accept, createdAt, changedAt]);
}

/** The version of a room: another one after every change of its record, not of its members. */
export function roomVersion(record: RoomRecord): string {
  const { room, name, history, shard, content, createdAt, createdBy } = record;
  return versionOf([room, name, history, shard, content, createdAt, createdBy]);
}

function versionOf(columns: readonly (string | number | null)[]): string {
  return hash("sha256", JSON.stringify(columns), "base64url").slice(0, VERSION_CHARS);
}
