"""Port 443 of this machine led to identity, so that code with ClaveÚnica's addresses in it reaches the sandbox.

Run as `python -m deploy.sandbox.alias`.  Bytes are passed on as they come: the certificate is identity's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

from deploy.sandbox import plan as plans

HOST, PORT = "127.0.0.1", 443
CHUNK_BYTES = 64 * 1024


def may_listen() -> bool:
    """Answer whether this process may listen on port 443 and nobody else does."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, PORT))
        except OSError:
            return False
    return True


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def serve(port: int, target: int, *, started: asyncio.Event | None = None) -> None:
    """Pass connections on from one port of this machine to another until cancelled."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(HOST, target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    server = await asyncio.start_server(connected, HOST, port)
    if started is not None:
        started.set()
    async with server:
        await server.serve_forever()


def main() -> int:
    """Pass on until told to stop; the exit status."""
    plan = plans.from_environment()
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(serve(PORT, plan.ports.of("identity")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
