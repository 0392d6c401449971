"""Access tokens of identity's own client, for its calls to the other services."""

from identity.context import Identity
from identity.standards import jose, rfc9068

TOKEN_SECONDS = 60


def own_token(identity: Identity, audience: str, scope: str) -> str:
    """Return an access token of identity's own client: made here, for we never ask ourselves over HTTP."""
    signer = identity.keys.signer(jose.SIGNING_ALGORITHMS[0])
    claims = rfc9068.access_token_claims(
        issuer=identity.settings.issuer,
        audience=audience,
        subject=identity.settings.client_id,
        client_id=identity.settings.client_id,
        scopes=(scope,),
        issued_at=int(identity.clock.now().timestamp()),
        ttl_seconds=TOKEN_SECONDS,
        jti=identity.ids.token(16),
    )
    return jose.sign(claims, key=signer.key, alg=signer.alg, kid=signer.kid, typ=rfc9068.TYP)
