"""The discovery document and the JWKS as bytes, made once and kept until what they say changes."""

import json
from collections.abc import Mapping

from identity.context import Identity
from identity.standards import discovery, grant_management
from shared.clock import rfc3339


def document(identity: Identity) -> bytes:
    """Return the discovery document of this issuer; settings do not change while a process runs."""
    if identity.prepared.document is None:
        settings = identity.settings
        made = discovery.metadata(
            settings.issuer,
            mtls_issuer=settings.mtls_issuer,
            frontchannel_logout=settings.frontchannel_logout,
            session_management=settings.session_management,
        )
        if settings.wallet_url:
            made = {**made, **grant_management.metadata(settings.wallet_url + "/grants")}
        identity.prepared.document = _bytes(made)
    return identity.prepared.document


def key_set(identity: Identity) -> bytes:
    """Return the published keys, and which keys nobody is to trust any more."""
    published, revoked = tuple(identity.keys.published()), identity.keys.revoked()
    kids = tuple((stored.kid, stored.state) for stored in (*published, *revoked))
    kept = identity.prepared.key_set
    if kept is None or kept[0] != kids:
        document: dict[str, object] = {"keys": [stored.public_jwk for stored in published]}
        if revoked:
            times = {stored.kid: rfc3339(stored.revoked_at) for stored in revoked if stored.revoked_at}
            document["revoked_keys"] = [{"kid": kid, "revoked_at": at} for kid, at in times.items()]
        kept = (kids, _bytes(document))
        identity.prepared.key_set = kept
    return kept[1]


def _bytes(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
