import { expect, test } from "bun:test";
import { QUERY_CHARS_MAX } from "../../src/core/limits.ts";
import { getBus } from "../../src/store/journal.ts";
import { openTestApi, problemOf } from "../harness/api.ts";
import { admitRaw, craft, rawIdentity, replacement } from "../harness/raw-signature.ts";

const ADDRESS_BURST = 3;
const rates = {
  ...{ addressPerSecond: 1, addressBurst: ADDRESS_BURST },
  ...{ userPerSecond: 1, userBurst: 1 },
};

test("a query that is refused is counted: an address may not have queries taken apart at will", async () => {
  using api = openTestApi({ rates });
  const twice = `/healthz?${"a&b&".repeat(100)}`;
  const ask = async () => problemOf(await api.overTcp("GET", twice));
  for (let times = 0; times < ADDRESS_BURST; times++) expect(await ask()).toBe("request-malformed");
  expect(await ask()).toBe("too-many-requests");
});

test("a query has a length, and the longest name fits", async () => {
  using api = openTestApi();
  const user = await api.atSocket(
    "GET",
    `/v1/directory?name=${encodeURIComponent("語".repeat(256))}`,
  );
  expect(user.status).toBe(200);
  const longer = await api.atSocket("GET", `/v1/rooms?name=${"a".repeat(QUERY_CHARS_MAX)}`);
  expect([longer.status, problemOf(longer)]).toEqual([400, "request-malformed"]);
});

test("a new key in a user's place goes on where the old one stood", async () => {
  const burst = 5;
  using api = openTestApi({
    rates: {
      ...{ addressPerSecond: 1_000, addressBurst: 1_000 },
      ...{ userPerSecond: 1, userBurst: burst },
    },
  });
  let key = await admitRaw(api.bus);
  let number = 2;
  const answers: number[] = [];
  for (let times = 0; times < 2 * burst; times++) {
    const next = rawIdentity();
    const answer = await api.send(
      craft(key, api.busId, {
        method: "POST",
        path: `/v1/users/${key.user}/replace-key`,
        body: replacement(api.busId, { number, old: key, by: next }),
      }),
    );
    answers.push(answer.status);
    if (answer.status !== 200) continue;
    key = next;
    number++;
  }
  expect(answers.filter((status) => status === 200)).toHaveLength(Math.ceil(burst / 2));
  expect(answers.at(-1)).toBe(429);
});

test("a user changes less than it asks, also in vain, which leaves nothing in the journal", async () => {
  using api = openTestApi({
    rates: {
      ...{ addressPerSecond: 1_000, addressBurst: 1_000 },
      ...{ userPerSecond: 1, userBurst: 20 },
    },
  });
  const key = await admitRaw(api.bus);
  const path = `/v1/rooms/${"a".repeat(26)}`;
  const ask = async (method: string) =>
    (await api.send(craft(key, api.busId, { method, path }))).status;
  const before = getBus(api.bus.store).lastSeq;
  for (let times = 0; times < 10; times++) expect(await ask("DELETE")).toBe(404);
  expect(await ask("DELETE")).toBe(429);
  expect(await ask("GET")).toBe(404);
  expect(getBus(api.bus.store).lastSeq).toBe(before);
});
