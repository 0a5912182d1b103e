import { describe, expect, test } from "bun:test";
import { sign } from "node:crypto";
import { openTestApi, problemOf } from "../harness/api.ts";
import { publicBytesOf } from "../harness/ed25519.ts";
import { userKeyOf } from "../harness/nkey.ts";
import { admitRaw, craft, rawIdentity } from "../harness/raw-signature.ts";
import { domainBytes } from "../harness/signed-bytes.ts";
import { SMALL_ORDER_KEYS } from "../harness/small-order.ts";

describe("a key's certificate", () => {
  test("is needed once, and its key is known from then on", async () => {
    using api = openTestApi();
    const identity = await admitRaw(api.bus);
    const without = () => craft(identity, api.busId, { headers: { "unibus-certificate": null } });
    expect(problemOf(await api.send(without()))).toBe("key-unknown");
    expect((await api.send(craft(identity, api.busId))).status).toBe(200);
    expect((await api.send(without())).json.user.user).toBe(identity.user);
    // Another node, or this one after a restart, has to see it again.
    expect(problemOf(await openTestApi({}, api.bus).send(without()))).toBe("key-unknown");
  });

  test("is not what a NATS client signs for a server that hands it out as a nonce", async () => {
    using api = openTestApi();
    const identity = await admitRaw(api.bus);
    const thief = rawIdentity();
    const wanted = domainBytes("api-key", api.busId, publicBytesOf(thief.apiKey));
    // Clients sign the text that they read: the first byte is no text, and becomes another one.
    const nonces = [wanted.toString("utf8"), wanted.subarray(1).toString("utf8")];
    for (const nonce of nonces) {
      const signature = sign(null, Buffer.from(nonce), identity.nkey).toString("base64url");
      const headers = { "unibus-certificate": `${identity.user}.${signature}` };
      expect(problemOf(await api.send(craft(thief, api.busId, { headers })))).toBe(
        "certificate-wrong",
      );
    }
  });

  test("is not put into somebody else's request, who would then act as another", async () => {
    using api = openTestApi();
    const [alice, mallory] = [await admitRaw(api.bus), await admitRaw(api.bus)];
    // Mallory's nkey may sign for any key, and so for Alice's.
    const bytes = domainBytes("api-key", api.busId, Buffer.from(alice.keyid, "base64url"));
    const stolen = `${mallory.user}.${sign(null, bytes, mallory.nkey).toString("base64url")}`;
    const after = (headers: Headers) => headers.set("unibus-certificate", stolen);
    expect(problemOf(await api.send(craft(alice, api.busId, { after })))).toBe("signature-wrong");
    expect((await api.send(craft(alice, api.busId))).status).toBe(200);
    const bare = { headers: { "unibus-certificate": null } };
    expect(problemOf(await api.send(craft(alice, api.busId, { ...bare, after })))).toBe(
      "signature-incomplete",
    );
    expect((await api.send(craft(alice, api.busId, bare))).json.user.user).toBe(alice.user);
  });

  test.each([
    ["of an nkey of small order", userKeyOf(Buffer.from(SMALL_ORDER_KEYS[2], "hex"))],
    ["of an nkey that is no point", userKeyOf(Buffer.alloc(32, 2))],
    ["of a seed, which is not repeated", `SU${"A".repeat(56)}`],
    ["of nobody", ""],
  ])("%s is none", async (_what, key) => {
    using api = openTestApi();
    const headers = { "unibus-certificate": `${key}.${"A".repeat(86)}` };
    const answer = await api.send(craft(await admitRaw(api.bus), api.busId, { headers }));
    expect(problemOf(answer)).toBe("certificate-wrong");
    expect(answer.text).not.toContain("SUAAA");
  });
});
