"""ID tokens of ours as hints: whom a request is about, whatever the token's age (AZ-14, LO-2)."""

from typing import NamedTuple

from identity.context import Identity
from identity.standards import jose


class Hint(NamedTuple):
    """What an ID token of ours says, whatever its age."""

    client_id: str
    subject: str


def read_hint(identity: Identity, id_token: str) -> Hint | None:
    """Return the hint of an ID token signed by a key of ours, of any age; None for all others (LO-3)."""
    try:
        claims = jose.verify(id_token, identity.keys.verifier, algorithms=jose.SIGNING_ALGORITHMS, types=("jwt",))
    except jose.InvalidToken:
        return None
    audience, subject = claims.get("aud"), claims.get("sub")
    if claims.get("iss") != identity.settings.issuer or not isinstance(audience, str) or not isinstance(subject, str):
        return None
    return Hint(audience, subject)
