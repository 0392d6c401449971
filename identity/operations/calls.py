"""One request to an endpoint that finds out for itself who calls."""

from dataclasses import dataclass, field

from cryptography.x509 import Certificate

from identity.standards.rfc6749 import Parameters


@dataclass(frozen=True)
class Call:
    """What came: `uris` are the addresses under which a proof for it may have been made, `certificate` is what the edge saw."""

    method: str
    uris: tuple[str, ...]
    parameters: Parameters = field(default_factory=Parameters)
    authorization: str | None = field(default=None, repr=False)
    proof: str | None = field(default=None, repr=False)
    certificate: Certificate | None = None
