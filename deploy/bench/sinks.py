"""Where messages go while they are counted: a mail server, a telephone network and a service, which do no more than they must.

They run in one small process (`python -m deploy.bench.sinks SMTP_PORT HTTP_PORT`).  The mail server says yes to every mail; the
network answers each text with an id and posts its receipt over connections that stay open; the service says yes to what it is told.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from deploy.errors import CannotStart
from deploy.system import port_is_free

HOST = "127.0.0.1"
SMTP_OFFSET, HTTP_OFFSET = 40, 41
"""Where the two listen, counted from the base port of the sandbox."""
POSTERS = 32
START_SECONDS_MAX = 10


@dataclass(frozen=True)
class Receipt:
    """A receipt to be posted: where, and what."""

    url: str
    body: bytes


@dataclass
class Counts:
    """How often each text came, by its reference, and the messages of which the service was told."""

    texts: Counter[str] = field(default_factory=Counter)
    told: set[str] = field(default_factory=set)

    def said(self) -> dict[str, int]:
        """As JSON: texts, how many of them came again, messages told of."""
        return {"texts": self.texts.total(), "repeats": self.texts.total() - len(self.texts), "told": len(self.told)}


@contextlib.contextmanager
def sinks(smtp_port: int, http_port: int) -> Iterator[None]:
    """Run both in a process of their own.  Raises: CannotStart."""
    command = [sys.executable, "-m", "deploy.bench.sinks", str(smtp_port), str(http_port)]
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + START_SECONDS_MAX
            while port_is_free(smtp_port) or port_is_free(http_port):
                if time.monotonic() > deadline or process.poll() is not None:
                    raise CannotStart("the sinks did not start")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


async def serve(smtp_port: int, http_port: int) -> None:
    """Listen until cancelled."""
    receipts: asyncio.Queue[Receipt] = asyncio.Queue()
    counts = Counts()

    async def text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await take_texts(reader, writer, receipts, counts)

    async with (
        await asyncio.start_server(take_mails, HOST, smtp_port),
        await asyncio.start_server(text, HOST, http_port),
        asyncio.TaskGroup() as posters,
    ):
        for _ in range(POSTERS):
            posters.create_task(post_receipts(receipts))


async def take_mails(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak as much SMTP as a sender needs."""
    writer.write(b"220 sink\r\n")
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                break
    writer.close()


async def take_texts(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, receipts: "asyncio.Queue[Receipt]", counts: Counts
) -> None:
    """Speak as much HTTP as our own client does: requests with a length, on a connection that stays open.

    What asks for no receipt is news for the service; a GET is answered with the counts.
    """
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET "):
                writer.write(_answer(json.dumps(counts.said()).encode()))
                continue
            text = json.loads(await reader.readexactly(_length(head)))
            writer.write(_answer(json.dumps({"id": text.get("reference")}).encode()))
            if "callback_url" in text:
                counts.texts[text["reference"]] += 1
                body = json.dumps({"reference": text["reference"], "status": "delivered", "to": text["to"]}).encode()
                receipts.put_nowait(Receipt(text["callback_url"], body))
            elif "notification_type" in text:
                counts.told.add(text["id"])
    writer.close()


async def post_receipts(receipts: "asyncio.Queue[Receipt]") -> None:
    """Post receipts one after the other; a connection that broke is made anew, and the receipt posted again."""
    while True:
        receipt = await receipts.get()
        parts = urlsplit(receipt.url)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            while True:
                await _post(reader, writer, receipt)
                receipt = await receipts.get()
        receipts.put_nowait(receipt)


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, receipt: Receipt) -> None:
    parts = urlsplit(receipt.url)
    head = f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(receipt.body)}\r\n\r\n".encode() + receipt.body)
    answer = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(_length(answer))
    if not answer.startswith(b"HTTP/1.1 200"):
        print(f"a receipt was answered {answer[:40]!r}", file=sys.stderr)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
