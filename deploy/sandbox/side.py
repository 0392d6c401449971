"""What stands around the suite, in one small process: front page, inbox (with its mail server), example service, registry and banks.

Run as `python -m deploy.sandbox.side`; SANDBOX_DIR and SANDBOX_PORT say which sandbox it belongs to.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from deploy.errors import CannotStart
from deploy.sandbox import authority
from deploy.sandbox import plan as plans
from deploy.sandbox.banks.app import create_app as create_banks
from deploy.sandbox.example.app import create_app as create_example
from deploy.sandbox.front.app import create_app as create_front
from deploy.sandbox.inbox.app import create_app as create_inbox
from deploy.sandbox.inbox.mail import MailServer
from deploy.sandbox.inbox.messages import Messages
from deploy.sandbox.plan import Plan
from deploy.sandbox.registry.app import create_app as create_registry
from deploy.system import port_is_free
from shared import logs
from shared.clock import Clock, SystemClock

HOST = "127.0.0.1"
CALL_SECONDS = 20.0
LISTENERS = ("front", "inbox", "example", "registry", "banks", "smtp")


class QuietHandler(WSGIRequestHandler):
    """Keeps connections open, and leaves the log to the app."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the framework's own name
        """Say nothing: each app logs its requests, without addresses of people."""


@dataclass(frozen=True)
class Side:
    """The five sites and the mail server, listening."""

    servers: tuple[BaseWSGIServer, ...]
    mail: MailServer

    def stop(self) -> None:
        """Stop listening, all at once: each takes a while to look up."""
        with ThreadPoolExecutor(len(self.servers)) as pool:
            list(pool.map(BaseWSGIServer.shutdown, self.servers))
        for server in self.servers:
            server.server_close()
        self.mail.stop()


def build_sites(plan: Plan, messages: Messages, *, http: httpx.Client, clock: Clock) -> dict[str, Flask]:
    """The five sites by the name of their port."""
    return {
        "front": create_front(plan, http=http, clock=clock),
        "inbox": create_inbox(plan, messages, http=http, clock=clock),
        "example": create_example(plan, http=http, clock=clock),
        "registry": create_registry(plan, http=http, clock=clock),
        "banks": create_banks(plan, http=http, clock=clock),
    }


@contextlib.contextmanager
def running(plan: Plan, clock: Clock) -> Iterator[Side]:
    """Have everything listen while the block runs.  Raises: CannotStart when a port is taken."""
    taken = [str(plan.ports.of(name)) for name in LISTENERS if not port_is_free(plan.ports.of(name))]
    if taken:
        raise CannotStart(f"Port {', '.join(taken)} is in use by another program: choose another base with SANDBOX_PORT.")
    with contextlib.ExitStack() as stack:
        http = stack.enter_context(httpx.Client(timeout=CALL_SECONDS))
        messages = Messages(plan.folder / "inbox" / "messages.sqlite", clock)
        stack.callback(messages.close)
        sites = build_sites(plan, messages, http=http, clock=clock)
        files = authority.files_of(plan.folder)
        tls = (str(files.certificate), str(files.key)) if plan.ports.tls else None
        servers = tuple(
            make_server(HOST, plan.ports.of(name), site, threaded=True, request_handler=QuietHandler, ssl_context=tls)
            for name, site in sites.items()
        )
        mail = MailServer(messages, host=HOST, port=plan.ports.of("smtp"))
        mail.start()
        done = threading.Event()
        stack.callback(done.set)
        threading.Thread(target=sites["registry"].extensions["wallet_keys"].keep_fresh, args=(done,), daemon=True, name="keys").start()
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True, name=f"port-{server.server_port}").start()
        side = Side(servers, mail)
        stack.callback(side.stop)
        yield side


def main() -> int:
    """Serve until told to stop; the exit status."""
    os.umask(0o077)
    stopped = threading.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: stopped.set())
    logs.configure("side", "info")
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    try:
        with running(plans.from_environment(), SystemClock()):
            stopped.wait()
    except CannotStart as fault:
        print(f"side: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
