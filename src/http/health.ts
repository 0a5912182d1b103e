import { Elysia } from "elysia";
import { Health, Readiness } from "../contract/health.ts";
import { Nothing } from "../contract/values.ts";
import { Problem } from "../core/problems.ts";
import { callOf } from "./call.ts";
import type { AppParts } from "./parts.ts";

/** Routes that answer anybody in every mode: they tell the posture and the API, nothing of the data. */
export const OPEN_PATHS: ReadonlySet<string> = new Set([
  "/healthz",
  "/readyz",
  "/",
  "/favicon.ico",
  "/swagger",
  "/swagger/json",
  "/swagger/assets/:version/:file",
  // Whoever has no token for a node gets no further, and what passes is sealed with it.
  "/v1/nodes/join",
]);

/** `/healthz` answers 200 while the process lives; `/readyz` only while it does its work. */
export function health(parts: Pick<AppParts, "health">) {
  return new Elysia({ normalize: false, strictPath: true })
    .get(
      "/healthz",
      // How many are connected tells a stranger when a small team is at work.
      ({ request }) => parts.health({ counts: callOf(request).viewer.kind === "operator" }),
      { query: Nothing, response: { 200: Health } },
    )
    .get(
      "/readyz",
      async () => {
        const { ready, parts: all } = await parts.health({ counts: false });
        if (ready) return { ready };
        const late = all.filter((one) => !one.ready).map(({ part }) => part);
        throw new Problem("not-ready", `Cannot serve yet: not ready are ${late.join(", ")}`);
      },
      { query: Nothing, response: { 200: Readiness } },
    );
}
