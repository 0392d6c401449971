"""One request to an endpoint that finds out for itself who calls, and how many there may be."""

from dataclasses import dataclass, field

from cryptography.x509 import Certificate

from identity.context import Identity
from identity.standards.rfc6749 import Parameters
from shared.problems import TooManyRequests


@dataclass(frozen=True)
class Call:
    """What came: `uris` are the addresses under which a proof for it may have been made, `certificate` is what the edge saw."""

    method: str
    uris: tuple[str, ...]
    parameters: Parameters = field(default_factory=Parameters)
    authorization: str | None = field(default=None, repr=False)
    proof: str | None = field(default=None, repr=False)
    certificate: Certificate | None = None


def refuse_crowd(identity: Identity, name: str, most: int) -> None:
    """Count a call under a name, and refuse it where there were too many this minute (HT-10).  Raises: TooManyRequests."""
    wait_seconds = identity.limits.take(name, most)
    if wait_seconds:
        raise TooManyRequests("Too many calls in a minute.", retry_after_seconds=wait_seconds)
