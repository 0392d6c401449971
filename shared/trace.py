"""Which request and which journey the present work belongs to; it goes into logs, audit rows, jobs and calls to others.

A *request id* names one HTTP request, a *journey id* all that one person or client set going with it, across the services.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

REQUEST_HEADER = "X-Request-Id"
JOURNEY_HEADER = "X-Journey-Id"

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_request_id: ContextVar[str] = ContextVar("request_id", default="")
_journey_id: ContextVar[str] = ContextVar("journey_id", default="")


def accepted(value: str | None) -> str | None:
    """Return an id given from outside, or None where it is not of the form that may be written to logs."""
    return value if value and _ID.fullmatch(value) else None


def request_id() -> str:
    """Return the id of the present request; empty outside one."""
    return _request_id.get()


def journey_id() -> str:
    """Return the id of the present journey; empty outside one."""
    return _journey_id.get()


@contextmanager
def working_on(request: str, journey: str) -> Iterator[None]:
    """Do the work inside in the name of a request and a journey."""
    request_token, journey_token = _request_id.set(request), _journey_id.set(journey)
    try:
        yield
    finally:
        _request_id.reset(request_token)
        _journey_id.reset(journey_token)


def going_on(request: str, journey: str) -> AbstractContextManager[None]:
    """Do the work inside in the name of what it follows from; in that of the present work where this was not kept."""
    return working_on(request, journey) if journey else nullcontext()
