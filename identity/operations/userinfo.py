"""User info: what a token lets a client know about a person (UI-1…UI-7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select

from identity.context import Identity
from identity.errors import InsufficientScope, InvalidDpopProof, InvalidToken, ResourceNonceNeeded, ResourceProofRefused, UseDpopNonce
from identity.events import Event
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.finders import PERSONS, SUBJECTS, open_facts, roles_of, subject_of
from identity.models.grant import AccessToken, Grant
from identity.models.person import PersonState
from identity.operations import proofings, representation
from identity.operations.calls import Call
from identity.operations.held_keys import read_proof, use_proof
from identity.standards import claims_request, jose, oidc_claims, yes_no
from shared.certificates import thumbprint
from shared.crypto import sha256_hex
from shared.transaction import Transaction

TOKENS, GRANTS, CLIENTS = table_of(AccessToken), table_of(Grant), table_of(Client)
_JOINED = TOKENS.join(GRANTS, TOKENS.c.grant_id == GRANTS.c.id).join(CLIENTS, GRANTS.c.client_id == CLIENTS.c.id)
_COLUMNS = (
    CLIENTS.c.client_id,
    CLIENTS.c.claims_profile,
    func.coalesce(GRANTS.c.subject_sector, CLIENTS.c.sector).label("sector"),
    CLIENTS.c.sector.label("client_sector"),
    CLIENTS.c.userinfo_alg,
    CLIENTS.c.scopes.label("client_scopes"),
    GRANTS.c.person_id,
    GRANTS.c.claims,
    GRANTS.c.mandate_id,
    GRANTS.c.powers,
    GRANTS.c.act,
    TOKENS.c.scopes,
    TOKENS.c.cnf,
    PERSONS.c.facts_sealed,
    PERSONS.c.updated_at,
    SUBJECTS.c.sub.label("subject"),
)
_IN_SECTOR = (SUBJECTS.c.person_id == GRANTS.c.person_id) & (SUBJECTS.c.sector == func.coalesce(GRANTS.c.subject_sector, CLIENTS.c.sector))
_LIVE = (GRANTS.c.revoked_at.is_(None), CLIENTS.c.state == "active", PERSONS.c.state == PersonState.ACTIVE, TOKENS.c.audience.is_(None))
_QUERY = (
    select(*_COLUMNS)
    .select_from(_JOINED.join(PERSONS, GRANTS.c.person_id == PERSONS.c.id).outerjoin(SUBJECTS, _IN_SECTOR))
    .where(*_LIVE, TOKENS.c.token_hash == bindparam("token"), TOKENS.c.expires_at > bindparam("now"))
)
"""Made once: this is a hot path."""


@dataclass(frozen=True)
class Shown:
    """An access token as it came: under which scheme of the Authorization header, or `body`."""

    token: str = field(repr=False)
    scheme: str


@dataclass(frozen=True)
class LiveToken:
    """A token that is valid now, its client, and its person as sealed."""

    client_id: str
    claims_profile: str
    sector: str
    client_sector: str
    userinfo_alg: str | None
    client_scopes: tuple[str, ...]
    person_id: UUID
    claims: Mapping[str, object] | None
    mandate_id: UUID | None
    powers: list[str] | None
    act: Mapping[str, object] | None
    scopes: tuple[str, ...]
    cnf: Mapping[str, str] | None
    facts_sealed: bytes = field(repr=False)
    updated_at: datetime
    subject: str | None


@dataclass(frozen=True)
class Told:
    """The answer: claims, or the same signed for the client that registered so."""

    claims: Mapping[str, object]
    signed: str | None


def find_live_token(identity: Identity, tx: Transaction, token: str) -> LiveToken | None:
    """Return what stands behind a token: unless it expired, its grant was revoked, or client or person are not active any more."""
    row = tx.connection.execute(_QUERY, {"token": sha256_hex(token), "now": identity.clock.now()}).one_or_none()
    if row is None or not representation.still_counts(identity, tx.connection, row.mandate_id):
        return None
    values = row._asdict()
    return LiveToken(**{**values, "client_scopes": tuple(row.client_scopes), "scopes": tuple(row.scopes)})


def tell_about_person(identity: Identity, call: Call, shown: Shown) -> Told:
    """Return the claims that a token releases, and note their names.

    Raises: InvalidToken, InsufficientScope, ResourceProofRefused, ResourceNonceNeeded.
    """
    with identity.transaction() as tx:
        live = find_live_token(identity, tx, shown.token)
        if live is None:
            raise InvalidToken("the token is not valid")
        check_holder(identity, tx, call, shown, live.cnf)
        if "openid" not in live.scopes:
            raise InsufficientScope("the scope openid is needed")
        facts = open_facts(identity.cipher, live.person_id, live.facts_sealed, live.updated_at)
        facts = replace(facts, on=yes_no.day_in_chile(identity.clock.now()))
        names = _names(live)
        if oidc_claims.ROLES_CLAIM in names:
            facts = replace(facts, roles=roles_of(tx.connection, live.person_id, identity.clock.now()))
        subject = live.subject or subject_of(tx.connection, identity.pairwise_key, live.person_id, live.sector)
        claims = oidc_claims.claims_for(subject, facts, names, live.claims_profile)
        claims |= proofings.verified_claims(
            identity, tx, live.claims, claims_request.USERINFO, person_id=live.person_id, facts=facts, client_scopes=live.client_scopes
        )
        if live.act is not None:
            claims["act"] = live.act
        if oidc_claims.REPRESENT in live.scopes:
            claims |= _represents(identity, tx, live)
        data: dict[str, str | int | bool | list[str]] = {"claims": sorted(claims)}
        tx.record(
            Event.CLAIMS_RELEASED, actor=f"client:{live.client_id}", subject=f"cl-run:{facts.run}", object_id=live.client_id, data=data
        )
        return Told(claims, _signed(identity, tx, live, claims))


def _represents(identity: Identity, tx: Transaction, live: LiveToken) -> dict[str, object]:
    whom = representation.claim(
        identity, tx.connection, representation.Reader(live.client_sector, frozenset(live.client_scopes)), live.mandate_id, live.powers
    )
    return {oidc_claims.REPRESENTS_CLAIM: whom} if whom is not None else {}


def _names(live: LiveToken) -> tuple[str, ...]:
    """Return the claims to tell: those of the scopes, and those asked for one by one (AZ-19)."""
    single = oidc_claims.entitled(claims_request.names_at(live.claims, claims_request.USERINFO), live.client_scopes)
    return tuple(dict.fromkeys((*oidc_claims.released_names(live.scopes), *single)))


def _signed(identity: Identity, tx: Transaction, live: LiveToken, claims: Mapping[str, object]) -> str | None:
    if live.userinfo_alg is None:
        return None
    signer = identity.keys.signer(live.userinfo_alg, tx.connection)
    envelope = {"iss": identity.settings.issuer, "aud": live.client_id, "iat": int(identity.clock.now().timestamp())}
    return jose.sign({**claims, **envelope}, key=signer.key, alg=signer.alg, kid=signer.kid)


def check_holder(identity: Identity, tx: Transaction, call: Call, shown: Shown, cnf: Mapping[str, str] | None) -> None:
    """Refuse a bound token whose key was not shown, and one shown as bound that is not (UI-3, DP-5).

    Raises: InvalidToken, ResourceProofRefused, ResourceNonceNeeded.
    """
    jkt, x5t = (cnf or {}).get("jkt"), (cnf or {}).get("x5t#S256")
    if (shown.scheme == "dpop") != (jkt is not None):
        raise InvalidToken("the token is shown under the wrong scheme", challenge="DPoP" if jkt else "Bearer")
    if x5t is not None and (call.certificate is None or thumbprint(call.certificate) != x5t):
        raise InvalidToken("the token is bound to another certificate")
    if jkt is None:
        return
    try:
        proof = read_proof(identity, call, access_token=shown.token)
    except UseDpopNonce as error:
        raise ResourceNonceNeeded(error.detail) from None
    except InvalidDpopProof as error:
        raise ResourceProofRefused(error.detail) from None
    if proof.jkt != jkt:
        raise ResourceProofRefused("the proof is of another key than the token")
    use_proof(tx, proof, refusal=ResourceProofRefused)
