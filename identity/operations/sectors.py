"""Sectors of pairwise subjects: whose host a client names as its own (§2.23, RG-4)."""

from urllib.parse import urlsplit

from identity.context import Identity
from identity.errors import InvalidRegistrationMetadata
from shared.http import OutboundError

SECONDS, BYTES_MAX = 3.0, 256 * 1024


def fetch_sector(identity: Identity, uri: str, redirect_uris: tuple[str, ...]) -> str:
    """Return the host of a sector identifier whose document lists every redirect address.

    Raises: InvalidRegistrationMetadata.  Spec: OpenID Connect Registration 1.0 §5.
    """
    try:
        reply = identity.http.request("GET", uri, timeout_seconds=SECONDS, max_bytes=BYTES_MAX)
        listed = reply.json()
    except OutboundError:
        raise InvalidRegistrationMetadata("sector_identifier_uri cannot be read") from None
    if reply.status != 200 or not isinstance(listed, list):
        raise InvalidRegistrationMetadata("sector_identifier_uri gives no JSON list")
    if not set(redirect_uris) <= {entry for entry in listed if isinstance(entry, str)}:
        raise InvalidRegistrationMetadata("sector_identifier_uri does not list every redirect_uri")
    return urlsplit(uri).hostname or ""
