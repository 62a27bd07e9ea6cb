"""A line with a delay: a program that passes TCP connections on to a local port, each byte half a round trip later.

    python relay.py TARGET_PORT ROUND_TRIP_SECONDS [LOSS]

LOSS is the share of packets, such as 0.01, that are lost: TCP sends them again, and what is behind them waits, so that
all of it comes a round trip later. Which packets these are is the same each time.

In the place of the port may stand the path of a unix socket.

It prints the port that it listens on. At most `_IN_FLIGHT` bytes are under way in each direction, as on a real line;
whoever sends more is held up.
"""

import asyncio
import random
import sys

_IN_FLIGHT = 1024 * 1024
_CHUNK = 64 * 1024
_PACKET = 1460


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float, loss: float) -> None:
    loop = asyncio.get_running_loop()
    chance = random.Random(1)
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_IN_FLIGHT // _CHUNK)

    async def deliver() -> None:
        while True:
            due, data = await line.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()

    delivering = asyncio.create_task(deliver())
    try:
        data = b"?"
        while data:
            data = await reader.read(_CHUNK)
            is_lost = chance.random() > (1 - loss) ** (1 + len(data) // _PACKET)
            await line.put((loop.time() + delay + (2 * delay if is_lost else 0), data))
        await delivering
    except OSError:
        delivering.cancel()
        writer.transport.abort()


async def _main(target: str, round_trip_seconds: float, loss: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if target.isdigit():
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", int(target))
        else:
            there_reader, there_writer = await asyncio.open_unix_connection(target)
        delay = round_trip_seconds / 2
        await asyncio.gather(_carry(reader, there_writer, delay, loss), _carry(there_reader, writer, delay, loss))
        writer.close()
        there_writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], float(sys.argv[2]), float((*sys.argv, 0)[3])))
