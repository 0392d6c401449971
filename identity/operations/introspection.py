"""Introspection: what a token says, told to the service it is addressed to or to the client that got it (§2.11)."""

from collections.abc import Mapping

from sqlalchemy import bindparam, select

from identity.context import Identity
from identity.errors import InvalidClient, OAuthInvalidRequest
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.finders import PERSONS, subject_of
from identity.models.grant import RefreshToken, RevokedToken
from identity.models.person import PersonState
from identity.operations import representation
from identity.operations.calls import Call
from identity.operations.client_authentication import authenticate, use_assertion
from identity.operations.userinfo import CLIENTS, GRANTS, TOKENS
from identity.standards import assistance, jose, oidc_claims, rfc9068
from shared.crypto import sha256_hex
from shared.transaction import Transaction

REFRESH_TOKENS, REVOKED = table_of(RefreshToken), table_of(RevokedToken)
INACTIVE: Mapping[str, object] = {"active": False}
JWT_TYPE = "token-introspection+jwt"
_JOINED = TOKENS.join(GRANTS, TOKENS.c.grant_id == GRANTS.c.id).join(CLIENTS, GRANTS.c.client_id == CLIENTS.c.id)
_ALIVE = (GRANTS.c.revoked_at.is_(None), CLIENTS.c.state == "active", PERSONS.c.state == PersonState.ACTIVE)
_REPRESENTED = (GRANTS.c.mandate_id, GRANTS.c.powers, GRANTS.c.subject_sector, GRANTS.c.assist)
_GRANT_COLUMNS = (GRANTS.c.person_id, GRANTS.c.auth_time, GRANTS.c.acr, CLIENTS.c.client_id, *_REPRESENTED)
_ACCESS = (
    select(
        *_GRANT_COLUMNS,
        *(TOKENS.c[name] for name in ("scopes", "audience", "cnf", "authorization_details", "act", "created_at", "expires_at")),
    )
    .select_from(_JOINED.join(PERSONS, GRANTS.c.person_id == PERSONS.c.id))
    .where(*_ALIVE, TOKENS.c.token_hash == bindparam("token"), TOKENS.c.expires_at > bindparam("now"))
)
_REFRESH = (
    select(*_GRANT_COLUMNS, GRANTS.c.scopes, REFRESH_TOKENS.c.cnf, REFRESH_TOKENS.c.created_at, REFRESH_TOKENS.c.expires_at)
    .select_from(
        REFRESH_TOKENS.join(GRANTS, REFRESH_TOKENS.c.grant_id == GRANTS.c.id)
        .join(CLIENTS, GRANTS.c.client_id == CLIENTS.c.id)
        .join(PERSONS, GRANTS.c.person_id == PERSONS.c.id)
    )
    .where(*_ALIVE, REFRESH_TOKENS.c.consumed_at.is_(None))
    .where(REFRESH_TOKENS.c.token_hash == bindparam("token"), REFRESH_TOKENS.c.expires_at > bindparam("now"))
)
_REVOKED = select(REVOKED.c.token_hash).where(REVOKED.c.token_hash == bindparam("token"))


def introspect(identity: Identity, call: Call) -> tuple[KnownClient, Mapping[str, object]]:
    """Return who asks, and what they may know of the token; `{"active": False}` for all that is not theirs (IN-1, IN-2, IN-4).

    Raises: OAuthInvalidRequest, InvalidClient.
    """
    authenticated = authenticate(identity, call)
    client = authenticated.client
    if client.auth_method == "none":
        raise InvalidClient("introspection needs a client that proves who it is")
    token = call.parameters.get("token")
    if token is None:
        raise OAuthInvalidRequest("token is missing")
    with identity.transaction() as tx:
        use_assertion(tx, authenticated)
        found = _person_token(identity, tx, client, token) or _machine_token(identity, tx, client, token)
    return client, found or INACTIVE


def sign_answer(identity: Identity, client: KnownClient, answer: Mapping[str, object]) -> str:
    """Return the answer as a signed JWT for the one who asked.  Spec: RFC 9701 §5."""
    signer = identity.keys.signer(client.introspection_alg or "RS256")
    claims: dict[str, object] = {"iss": identity.settings.issuer, "aud": client.client_id}
    claims |= {"iat": int(identity.clock.now().timestamp()), "token_introspection": dict(answer)}
    return jose.sign(claims, key=signer.key, alg=signer.alg, kid=signer.kid, typ=JWT_TYPE)


def _person_token(identity: Identity, tx: Transaction, client: KnownClient, token: str) -> dict[str, object] | None:
    """Describe a token about a person, opaque or JWT: its row is what counts."""
    wanted = {"token": sha256_hex(token), "now": identity.clock.now()}
    row = (
        tx.connection.execute(_ACCESS, wanted).mappings().one_or_none() or tx.connection.execute(_REFRESH, wanted).mappings().one_or_none()
    )
    if row is None or (row["client_id"] != client.client_id and row.get("audience") not in client.audiences):
        return None
    if row.get("audience") and not identity.keys.signed_by_trusted(token, tx.connection):
        return None
    if not representation.still_counts(identity, tx.connection, row["mandate_id"]):
        return None
    jkt = (row["cnf"] or {}).get("jkt")
    described = {
        "active": True,
        "iss": identity.settings.issuer,
        "sub": subject_of(tx.connection, identity.pairwise_key, row["person_id"], row["subject_sector"] or client.sector),
        "aud": row.get("audience"),
        "client_id": row["client_id"],
        "scope": " ".join(row["scopes"]),
        "exp": int(row["expires_at"].timestamp()),
        "iat": int(row["created_at"].timestamp()),
        "nbf": int(row["created_at"].timestamp()),
        "token_type": ("DPoP" if jkt else "Bearer") if "audience" in row else "refresh_token",
        "cnf": row["cnf"],
        "acr": row["acr"],
        "act": row.get("act"),
        "auth_time": int(row["auth_time"].timestamp()),
        "authorization_details": row.get("authorization_details"),
        assistance.CLAIM: row["assist"] and {name: value for name, value in row["assist"].items() if name != "proof"},
        assistance.PROOF_CLAIM: (row["assist"] or {}).get("proof"),
        oidc_claims.REPRESENTS_CLAIM: representation.claim(identity, tx.connection, client, row["mandate_id"], row["powers"]),
    }
    jti = jose.read_claim(token, "jti") if row.get("audience") else None
    return {name: value for name, value in {**described, "jti": jti}.items() if value is not None}


def _machine_token(identity: Identity, tx: Transaction, client: KnownClient, token: str) -> dict[str, object] | None:
    """Describe a machine's own JWT: our signature, not expired, not revoked, of a client that is still active."""
    claims = read_machine_token(identity, tx, token)
    if claims is None or (claims["client_id"] != client.client_id and claims["aud"] not in client.audiences):
        return None
    revoked = tx.connection.execute(_REVOKED, {"token": sha256_hex(token)}).one_or_none()
    if revoked is not None or identity.clients.find(str(claims["client_id"]), tx.connection) is None:
        return None
    bound = claims.get("cnf")
    by_dpop = isinstance(bound, dict) and "jkt" in bound
    return {"active": True, "token_type": "DPoP" if by_dpop else "Bearer", "nbf": claims["iat"], **claims}


def read_machine_token(identity: Identity, tx: Transaction, token: str) -> dict[str, object] | None:
    """Return the claims of a machine's access token of ours that has not expired, or None."""
    identity.keys.prepare(tx.connection)
    try:
        claims = jose.verify(token, identity.keys.verifier, algorithms=jose.SIGNING_ALGORITHMS, types=(rfc9068.TYP,))
    except jose.InvalidToken:
        return None
    expires = claims.get("exp")
    is_machine = claims.get("iss") == identity.settings.issuer and claims.get("sub") == claims.get("client_id")
    if not is_machine or not isinstance(expires, int) or expires <= identity.clock.now().timestamp():
        return None
    return claims
