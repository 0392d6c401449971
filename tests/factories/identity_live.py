"""An identity on a port of its own, by the system's clock: for clients that are programs of other people."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from deploy.sandbox.authority import Files
from deploy.sandbox.side import QuietHandler
from identity.app import create_app
from identity.context import Identity, create_context
from shared.clock import SystemClock
from shared.ids import SystemIds
from tests.engines import Engines
from tests.factories.identity import Browser, QuickHasher, furnished_copy, make_settings, run_due


@dataclass
class LiveIdentity:
    """A running identity: its origin, its context, and an app for browsers that need no network."""

    origin: str
    identity: Identity
    app: Flask

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.origin.rpartition(":")[2])

    def browser(self, origin: str | None = None) -> Browser:
        """A new browser without cookies, at this origin or under another name of it."""
        return Browser(self.app.test_client(), origin=origin or self.origin)

    def run_jobs(self) -> int:
        """Run what is due in the outbox until nothing is."""
        return run_due(self.identity)


@contextmanager
def live_identity(
    engines: Engines, run_folder: Path, *, tls: Files | None = None, furnish: Callable[[Identity], None] = lambda _: None, **changes: Any
) -> Iterator[LiveIdentity]:
    """Serve a furnished identity while the block runs, on https where certificate files are given."""
    with furnished_copy(engines, run_folder) as url:
        certificate = (str(tls.certificate), str(tls.key)) if tls else None
        server = make_server("127.0.0.1", 0, Flask("not yet"), threaded=True, request_handler=QuietHandler, ssl_context=certificate)
        origin = f"{'https' if tls else 'http'}://localhost:{server.server_port}"
        settings = make_settings(url, public_url=origin, issuer=origin + "/openid", environment="sandbox", **changes)
        context = create_context(settings, clock=SystemClock(), ids=SystemIds())
        context.__dict__["hasher"] = QuickHasher()
        app = server.app = create_app(context=context)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            furnish(context)
            yield LiveIdentity(origin, context, app)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            context.close()
