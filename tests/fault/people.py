"""People at their browsers who try again when a page does not come."""

from collections.abc import Callable
from typing import TypeVar

import httpx

from deploy.journey.pages import Browser, PageFault
from deploy.journey.person import Person
from deploy.system import wait_until
from tests.fault.suite import CALL_SECONDS, RECOVERY_SECONDS, Suite

T = TypeVar("T")


def person(suite: Suite, client: httpx.Client, run: str = "11111111-1") -> Person:
    """A citizen of the sandbox, at a browser with these cookies."""
    return Person(suite.sandbox.citizen(run), Browser(client, language="es-CL"))


def browser_client() -> httpx.Client:
    """A cookie jar of its own."""
    return httpx.Client(timeout=CALL_SECONDS)


def insist(act: Callable[[], T]) -> T:
    """Do what a person does again while the service is away; what came in the end."""
    came: list[T] = []
    faults: list[str] = []

    def tried() -> bool:
        try:
            came.append(act())
        except (httpx.TransportError, PageFault, OSError) as fault:  # the last: what the OAuth client raises
            faults.append(repr(fault))
            return False
        return True

    assert wait_until(tried, RECOVERY_SECONDS, pause_seconds=0.3), f"still away: {faults[-1]}"
    return came[0]
