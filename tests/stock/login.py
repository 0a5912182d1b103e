"""Logs in with nats-py, as login.mjs does with nats.js.

    python tests/stock/login.py PORT KEY-FILE TIMES
"""

import asyncio
import sys

import nats


async def main(port, key_file, times):
    for _ in range(int(times)):
        try:
            bus = await nats.connect(
                f"nats://127.0.0.1:{port}",
                nkeys_seed=key_file,
                allow_reconnect=False,
                max_reconnect_attempts=0,
                connect_timeout=2,
            )
            await bus.close()
            print("in", flush=True)
        # Whatever a nonce does to the library, the next one is tried.
        except Exception as error:
            print(f"refused: {error}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
