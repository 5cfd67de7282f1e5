"""A server of asyncio with more clients than Windows' select() takes. Prints how many it served."""

from __future__ import annotations

import asyncio
import json
import sys

from vllm_gfx.stand_ins import uvloop


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await writer.drain()


async def answered(clients: int) -> int:
    """Connect them all, then ask with each."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0, backlog=clients)
    host, port = server.sockets[0].getsockname()
    ends = [await asyncio.open_connection(host, port) for _ in range(clients)]
    for i, (_, writer) in enumerate(ends):
        writer.write(f"{i}\n".encode())
    lines = await asyncio.gather(*(reader.readline() for reader, _ in ends))
    return sum(line == f"{i}\n".encode() for i, line in enumerate(lines))


if __name__ == "__main__":
    print(json.dumps(uvloop.run(answered(int(sys.argv[1])))))
