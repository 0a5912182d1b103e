"""Talks in a room with nats-py, as talk.mjs does with nats.js.

    python tests/stock/talk.py ROOM.json KEY-FILE listen|answer
    python tests/stock/talk.py ROOM.json KEY-FILE say|ask TEXT
"""

import asyncio
import json
import os
import ssl
import sys

import nats


async def main(room_file, key_file, what, text=""):
    with open(room_file, encoding="utf-8") as file:
        room = json.load(file)
    me = room["as"]
    names = {member["user"]: member["name"] for member in room["memberList"]}
    closed = asyncio.Event()
    refusal = "the connection was lost"

    async def on_error(error):
        nonlocal refusal
        if "authorization" in str(error).lower():
            refusal = str(error)

    async def on_closed():
        closed.set()

    ca = os.environ.get("UNIBUS_CA")
    connecting = nats.connect(
        me["servers"],
        nkeys_seed=key_file,
        # Rights to an inbox hang on its prefix; with the library's own every request would be refused.
        inbox_prefix=me["inboxPrefix"],
        tls=ssl.create_default_context(cafile=ca) if ca else None,
        error_cb=on_error,
        closed_cb=on_closed,
        allow_reconnect=what in ("listen", "answer"),
        max_reconnect_attempts=2,
        reconnect_time_wait=0.5,
    )
    try:
        bus = await connecting
    except nats.errors.Error as error:
        say(f"refused: {error}")
        return 1

    def sender_of(message):
        return message.subject.split(".")[4]

    def name_of(user):
        return names.get(user) or user

    async def heard(message):
        say(f"{name_of(sender_of(message))}: {message.data.decode()}")

    async def asked(message):
        sender = sender_of(message)
        # An answer may go to the asker's own inbox of this room, and nowhere else.
        if not message.reply.startswith(f"_INBOX.{sender}.{room['room']}."):
            return
        say(f"{name_of(sender)} asks: {message.data.decode()}")
        await message.respond(message.data.decode().upper().encode())

    if what == "listen":
        await bus.subscribe(f"{room['subject']}.*.msg", cb=heard)
        await bus.flush()
        say("listening")
        await closed.wait()
    elif what == "answer":
        await bus.subscribe(f"{room['subject']}.*.ask", cb=asked)
        await bus.flush()
        say("answering")
        await closed.wait()
    elif what == "say":
        await bus.publish(me["publish"], text.encode())
        await bus.drain()
        return 0
    else:
        own = me["publish"].removesuffix(".msg")
        answer = await bus.request(f"{own}.ask", text.encode(), timeout=5)
        say(answer.data.decode())
        await bus.close()
        return 0
    say(f"thrown out: {refusal}")
    return 1


def say(line):
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
