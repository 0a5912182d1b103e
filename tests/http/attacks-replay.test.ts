import { expect, test } from "bun:test";
import { openTestApi, problemOf } from "../harness/api.ts";
import { admitRaw, craft } from "../harness/raw-signature.ts";

const USER_BURST = 5;
const rates = {
  ...{ addressPerSecond: 1_000, addressBurst: 1_000 },
  ...{ userPerSecond: 1, userBurst: USER_BURST },
};

test("whoever overheard a request takes nothing off what its user may send, by sending it again", async () => {
  using api = openTestApi({ rates });
  const victim = await admitRaw(api.bus);
  const overheard = craft(victim, api.busId);
  expect((await api.send(new Request(overheard))).status).toBe(200);
  for (let times = 0; times < 3 * USER_BURST; times++) {
    expect(problemOf(await api.send(new Request(overheard)))).toBe("signature-repeated");
  }
  for (let times = 1; times < USER_BURST; times++) {
    expect((await api.send(craft(victim, api.busId))).status).toBe(200);
  }
  expect(problemOf(await api.send(craft(victim, api.busId)))).toBe("too-many-requests");
});
