"""The token endpoint: who asks, for which grant, with which key; then the grant itself (TK-1…TK-10)."""

from collections.abc import Callable, Mapping

from identity.context import Identity
from identity.errors import OAuthError, OAuthInvalidRequest, UnauthorizedClient, UnsupportedGrantType
from identity.events import Event
from identity.operations import code_grant, exchange_grant, faults, machine_grant, refresh_grant, remote_grant
from identity.operations.calls import Call
from identity.operations.client_authentication import authenticate, use_assertion
from identity.operations.client_encryption import find_encryption
from identity.operations.held_keys import read_held_key, use_proof
from identity.operations.issuing import Asked, Reply
from identity.standards import ciba, rfc8628, rfc8693
from shared.transaction import Transaction

GRANT_TYPES: Mapping[str, Callable[[Identity, Transaction, Asked], Reply]] = {
    "authorization_code": code_grant.redeem_code,
    "refresh_token": refresh_grant.refresh,
    "client_credentials": machine_grant.give_machine_token,
    rfc8693.GRANT_TYPE: exchange_grant.exchange,
    rfc8628.GRANT_TYPE: remote_grant.redeem_device_code,
    ciba.GRANT_TYPE: remote_grant.redeem_auth_req_id,
}


def give_token(identity: Identity, call: Call) -> Reply:
    """Answer a token request, in one transaction.  Raises: OAuthError, in the order of TK-1.

    A grant's refusal is told after the commit: what it used up or revoked stays so.
    """
    authenticated = authenticate(identity, call)
    client = authenticated.client
    grant_type = call.parameters.get("grant_type")
    if grant_type is None:
        raise OAuthInvalidRequest("grant_type is missing")
    grant = GRANT_TYPES.get(grant_type)
    if grant is None:
        raise UnsupportedGrantType("grant_type is not offered")
    if grant_type not in client.grant_types or grant_type not in client.policy.grant_types:
        raise UnauthorizedClient("this client may not use that grant")
    held, encryption = read_held_key(identity, call, client), find_encryption(identity, client)
    faults.be_slow(identity, client)
    with identity.transaction() as tx:
        use_assertion(tx, authenticated)
        use_proof(tx, held.proof if held else None)
        try:
            return grant(identity, tx, Asked(client, call.parameters, held, encryption))
        except OAuthError as error:
            refusal = error
            data = {"error": error.code, "grant_type": grant_type}
            tx.record(Event.TOKEN_REFUSED, actor=f"client:{client.client_id}", outcome="refused", object_id=client.client_id, data=data)
    raise refusal
