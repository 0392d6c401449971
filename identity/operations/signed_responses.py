"""Authorization answers as a signed JWT.  Spec: JARM, FAPI 2.0 Message Signing, identity-oidc §2.27."""

from collections.abc import Mapping

from identity.context import Identity
from identity.standards import jose

LIFE_SECONDS = 300


def sign_response(identity: Identity, client_id: str, values: Mapping[str, str]) -> str:
    """Return the answer signed for the client, with the algorithm of its ID tokens; it is good for five minutes."""
    client = identity.clients.find(client_id)
    signer = identity.keys.signer(client.id_token_alg if client else jose.SIGNING_ALGORITHMS[0])
    expires = int(identity.clock.now().timestamp()) + LIFE_SECONDS
    return jose.sign({**values, "aud": client_id, "exp": expires}, key=signer.key, alg=signer.alg, kid=signer.kid)
