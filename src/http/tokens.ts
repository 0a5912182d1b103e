import { createHash } from "node:crypto";
import { Elysia } from "elysia";
import {
  CreateTokenBody,
  NewToken,
  type Token,
  TokenPage,
  TokenParams,
  TokenQuery,
} from "../contract/tokens.ts";
import { Nothing } from "../contract/values.ts";
import { toBase64url } from "../core/base64url.ts";
import { tokenIdOf } from "../core/ids.ts";
import { ADMIN_TOKEN_LIFE_MS_MAX, TOKEN_LIFE_MS_MAX } from "../core/limits.ts";
import type { ChangeOf, TokenScope } from "../core/operations.ts";
import { Problem } from "../core/problems.ts";
import type { TokenRecord } from "../core/records.ts";
import { renderTokenText } from "../core/secrets.ts";
import { callOf } from "./call.ts";
import { type AnswerHead, refuseShownSecret, requestChange } from "./change.ts";
import { readLabel, readRoomId, readTokenId, timeText } from "./ids.ts";
import { readPage } from "./page.ts";
import type { AppParts } from "./parts.ts";
import { requireKey, requireUser } from "./rights.ts";

const SECRET_BYTES = 32;

/** `/v1/tokens`: what acts for oneself for a while, where a key cannot. */
export function tokens(parts: Pick<AppParts, "read" | "commit" | "now" | "randomBytes">) {
  const { read, now, randomBytes } = parts;

  async function create({ body, request, set }: CreateContext): Promise<NewToken> {
    const call = callOf(request);
    const user = requireUser(call.viewer, "make a token");
    const token = tokenIdOf(randomBytes(SECRET_BYTES));
    const secret = toBase64url(randomBytes(SECRET_BYTES));
    const { scope } = body;
    const change: ChangeOf<"token.create"> = {
      kind: "token.create",
      token,
      user,
      label: readLabel(body.label),
      scope,
      room: typeof body.room === "string" ? readRoomId(body.room) : null,
      hash: createHash("sha256").update(secret).digest("hex"),
      expiresAt: now() + lifeMs(scope, body.lifeSeconds),
    };
    const applied = await requestChange(parts, { call, set }, change);
    refuseShownSecret(applied, "token");
    const found = read.findToken(token);
    if (!found) throw new Problem("token-not-found", "Cannot show the token: it is revoked by now");
    set.status = 201;
    set.headers.location = `/v1/tokens/${token}`;
    return { ...tokenOf(found), secret: renderTokenText({ token, secret }) };
  }

  return new Elysia({ prefix: "/v1/tokens", normalize: false, strictPath: true })
    .get(
      "",
      ({ query, request }) => {
        const user = requireKey(callOf(request).viewer, "list the tokens");
        const after = query.after === undefined ? undefined : readTokenId(query.after);
        const { rows, next } = readPage(
          query,
          (limit) => read.listTokens({ user, after, limit }),
          ({ token }) => token,
        );
        return { tokens: rows.map(tokenOf), next };
      },
      { query: TokenQuery, response: { 200: TokenPage } },
    )
    .post("", create, { body: CreateTokenBody, query: Nothing, response: { 201: NewToken } })
    .delete(
      "/:token",
      async ({ params, request, set }) => {
        const call = callOf(request);
        requireUser(call.viewer, "revoke the token");
        const token = readTokenId(params.token);
        await requestChange(parts, { call, set }, { kind: "token.revoke", token });
        set.status = 204;
      },
      { params: TokenParams, body: Nothing, query: Nothing },
    );
}

interface CreateContext {
  readonly body: CreateTokenBody;
  readonly request: Request;
  readonly set: AnswerHead;
}

/** How long a token lives: as long as was asked for, or as long as it may. Throws "request-invalid". */
function lifeMs(scope: TokenScope, seconds: number | undefined): number {
  const mostMs = scope === "admin" ? ADMIN_TOKEN_LIFE_MS_MAX : TOKEN_LIFE_MS_MAX;
  if (seconds === undefined) return mostMs;
  if (seconds * 1000 <= mostMs) return seconds * 1000;
  throw new Problem(
    "request-invalid",
    `Cannot make the token: of scope ${scope} it may live ${mostMs / 1000} seconds at most`,
  );
}

function tokenOf(record: TokenRecord): Token {
  const { token, label, scope, room, createdAt, expiresAt } = record;
  const times = { createdAt: timeText(createdAt), expiresAt: timeText(expiresAt) };
  return { token, label, scope, room, ...times };
}
