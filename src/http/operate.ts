import { Elysia } from "elysia";
import { Bus } from "../contract/bus.ts";
import { Refusals } from "../contract/refusals.ts";
import { Nothing } from "../contract/values.ts";
import { callOf } from "./call.ts";
import { timeText } from "./ids.ts";
import type { AppParts } from "./parts.ts";
import { requireManager } from "./rights.ts";

/** `/v1/bus`: how clients reach the data plane. `/v1/refusals`: who was refused, and why. */
export function operate(parts: Pick<AppParts, "bus" | "refusals">) {
  return new Elysia({ prefix: "/v1", normalize: false, strictPath: true })
    .get("/bus", () => parts.bus(), { query: Nothing, response: { 200: Bus } })
    .get(
      "/refusals",
      async ({ request }) => {
        requireManager(callOf(request).viewer, "show the refusals");
        const { counts, last } = await parts.refusals();
        return { counts, last: last.map((one) => ({ ...one, at: timeText(one.at) })) };
      },
      { query: Nothing, response: { 200: Refusals } },
    );
}
