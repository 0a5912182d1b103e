// Talks in a room with nats.js under Node: what any client needs is in ROOM.json, which
// `./unibus room show ROOM --as USER --json` prints, and in the user's key file.
//
//   node tests/stock/talk.mjs ROOM.json KEY-FILE listen         prints what is said
//   node tests/stock/talk.mjs ROOM.json KEY-FILE say TEXT       says something
//   node tests/stock/talk.mjs ROOM.json KEY-FILE answer         answers questions, in capitals
//   node tests/stock/talk.mjs ROOM.json KEY-FILE ask TEXT       asks, and prints the answer
//
// UNIBUS_CA names the file of the certificate authority, where the bus uses TLS.
import { readFileSync } from "node:fs";
import process from "node:process";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";

const [roomFile, keyFile, what, text = ""] = process.argv.slice(2);
const room = JSON.parse(readFileSync(roomFile, "utf8"));
const { servers, inboxPrefix, publish } = room.as;
const names = new Map(room.memberList.map(({ user, name }) => [user, name]));
const own = publish?.replace(/\.msg$/, "");
const say = (line) => process.stdout.write(`${line}\n`);

const bus = await connect({
  servers,
  authenticator: nkeyAuthenticator(new TextEncoder().encode(readFileSync(keyFile, "utf8").trim())),
  // Rights to an inbox hang on its prefix; with the library's own every request would be refused.
  inboxPrefix,
  ...(process.env.UNIBUS_CA ? { tls: { caFile: process.env.UNIBUS_CA } } : {}),
}).catch((error) => {
  say(`refused: ${error.message}`);
  process.exit(1);
});
const ended = bus.closed().then((error) => {
  if (!error) return;
  say(`thrown out: ${error.message}`);
  process.exitCode = 1;
});

/** `rm.<class>.<shard>.<room>.<sender>.<topic>`: the broker proves who the sender is. */
const senderOf = ({ subject }) => subject.split(".")[4];
const nameOf = (user) => names.get(user) ?? user;

if (what === "listen") {
  const heard = bus.subscribe(`${room.subject}.*.msg`);
  await bus.flush();
  say("listening");
  for await (const message of heard) say(`${nameOf(senderOf(message))}: ${message.string()}`);
} else if (what === "answer") {
  const asked = bus.subscribe(`${room.subject}.*.ask`);
  await bus.flush();
  say("answering");
  for await (const message of asked) {
    const sender = senderOf(message);
    // An answer may go to the asker's own inbox of this room, and nowhere else.
    if (!message.reply?.startsWith(`_INBOX.${sender}.${room.room}.`)) continue;
    say(`${nameOf(sender)} asks: ${message.string()}`);
    message.respond(message.string().toUpperCase());
  }
} else if (what === "say") {
  bus.publish(publish, text);
  await bus.drain();
} else {
  const answer = await bus.request(`${own}.ask`, text, { timeout: 5_000 });
  say(answer.string());
  await bus.close();
}
await ended;
