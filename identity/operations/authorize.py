"""Decide what an authorization request needs next, and issue the code when nothing is missing."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, select

from identity.context import Identity
from identity.errors import (
    AccessDenied,
    AccountSelectionRequired,
    ConsentRequired,
    InteractionRequired,
    LoginRequired,
    OAuthError,
    UnmetAuthenticationRequirements,
)
from identity.events import Event
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.finders import SUBJECTS, can_reach, must_change_password, subject_of
from identity.models.grant import AuthorizationCode, Grant
from identity.operations import consent, faults, proofings, representation, stages, wallet_consents
from identity.operations.assisted_sessions import Help
from identity.operations.authorization_requests import AuthorizationRequest
from identity.operations.sessions import Session
from identity.standards import acr, rfc8485
from shared.crypto import sha256_hex
from shared.transaction import Transaction

GRANTS, CODES = table_of(Grant), table_of(AuthorizationCode)


class Need(StrEnum):
    """What is still missing before a code can be issued."""

    LOGIN = "login"
    ACCOUNT = "account"
    SECOND_FACTOR = "second_factor"
    PASSWORD = "password"  # noqa: S105 - the name of a need
    REPRESENTED = "represented"
    PERMISSION = "permission"
    CONSENT = "consent"
    NOTHING = "nothing"


def next_need(
    identity: Identity,
    connection: Connection,
    client: KnownClient,
    request: AuthorizationRequest,
    session: Session | None,
    *,
    asked_at: datetime | None,
    consented: bool = False,
) -> Need:
    """Return what is missing.  A forced login must be after `asked_at`, when the request came; None is now (AZ-11, AZ-13).

    Raises: UnmetAuthenticationRequirements when this person cannot reach the level that the client must have (AZ-16);
    AccessDenied when this person does not reach services of that stage;
    LoginRequired when somebody else signed in than the request is about (AZ-14).
    """
    if session is None or _is_too_old(identity, request, session, asked_at):
        return Need.LOGIN
    if request.subject is not None and not _is_about(identity, connection, client, session, request.subject):
        return _other_person(session, asked_at)
    if "select_account" in request.prompts:
        return Need.ACCOUNT
    stages.check(identity, connection, client, session.person_id)
    if _level_need(identity, connection, request, session) is Need.SECOND_FACTOR:
        return Need.SECOND_FACTOR
    if "pwd" in session.amr and must_change_password(connection, session.person_id):
        return Need.PASSWORD
    return _need_of_answers(identity, connection, client, request, session, consented=consented)


def _level_need(identity: Identity, connection: Connection, request: AuthorizationRequest, session: Session) -> Need:
    """Return what the level that is asked for still needs.  Raises: UnmetAuthenticationRequirements."""
    if request.vectors:
        return _vector_need(identity, connection, request, session)
    wanted = acr.wanted_level(request.acr_values)
    if wanted is not None and not acr.satisfies(session.acr, wanted):
        if can_reach(connection, session.person_id, wanted):
            return Need.SECOND_FACTOR
        if request.acr_required:
            raise UnmetAuthenticationRequirements("this person has no second factor")
    if request.acr_required and not any(acr.satisfies(session.acr, level) for level in request.acr_values):
        raise UnmetAuthenticationRequirements("none of the levels asked for can be reached")
    return Need.NOTHING


def _vector_need(identity: Identity, connection: Connection, request: AuthorizationRequest, session: Session) -> Need:
    """Return what the first vector that this person can satisfy still needs (§2.26).  Raises: UnmetAuthenticationRequirements."""
    held = proofings.level_of(identity, connection, session.person_id)
    for vector in map(rfc8485.read, request.vectors):
        if held >= vector.proofing:
            if vector.level is None or acr.satisfies(session.acr, vector.level):
                return Need.NOTHING
            if can_reach(connection, session.person_id, vector.level):
                return Need.SECOND_FACTOR
    raise UnmetAuthenticationRequirements("none of the vectors can be satisfied")


def _need_of_answers(
    identity: Identity,
    connection: Connection,
    client: KnownClient,
    request: AuthorizationRequest,
    session: Session,
    *,
    consented: bool,
) -> Need:
    """Return what is missing once it is known who the person is: for whom they act, and their consent."""
    if representation.must_choose(identity, connection, client, request, session):
        return Need.REPRESENTED
    wish = representation.wish_of(request)
    chosen = representation.find_choice(identity, connection, client, session, wish) if wish else None
    if chosen is not None and chosen.help is not None:
        _check_helped(connection, client, request, chosen.help)
        return Need.NOTHING
    if wallet_consents.asked(request) is not None:
        return Need.PERMISSION
    wallet_consents.check_subject(identity, connection, client, request, session)
    forced = "consent" in request.prompts and bool(consent.claims_asked(client, request))
    if not consented and (forced or consent.must_ask(connection, client, request, session)):
        return Need.CONSENT
    return Need.NOTHING


def _check_helped(connection: Connection, client: KnownClient, request: AuthorizationRequest, helped: Help) -> None:
    """Refuse what an agent cannot say yes to for somebody: details, and data that the person did not give before.

    Raises: AccessDenied.
    """
    claims = consent.claims_asked(client, request)
    if request.authorization_details:
        raise AccessDenied("details need the person's own consent")
    if client.always_asks and claims and not consent.has_person_agreed(connection, client, helped.person_id, claims):
        raise AccessDenied("the person has not agreed to give these data")


def _is_too_old(identity: Identity, request: AuthorizationRequest, session: Session, asked_at: datetime | None) -> bool:
    if session.kiosk:  # on a shared device each service asks anew (§3.9)
        return asked_at is None or session.auth_time < asked_at
    if "login" in request.prompts or request.max_age == 0:
        return asked_at is None or session.auth_time < asked_at
    return request.max_age is not None and identity.clock.now() - session.auth_time > timedelta(seconds=request.max_age)


def _is_about(identity: Identity, connection: Connection, client: KnownClient, session: Session, subject: str) -> bool:
    """Answer whether a `sub` is the signed-in person's at this client: of private use, or of acting for another (AZ-14, RP-8)."""
    if subject_of(connection, identity.pairwise_key, session.person_id, client.sector) == subject:
        return True
    used = GRANTS.join(SUBJECTS, (SUBJECTS.c.person_id == GRANTS.c.person_id) & (SUBJECTS.c.sector == GRANTS.c.subject_sector))
    mine = (GRANTS.c.client_id == client.id, GRANTS.c.person_id == session.person_id, SUBJECTS.c.sub == subject)
    return connection.execute(select(GRANTS.c.id).select_from(used).where(*mine).limit(1)).one_or_none() is not None


def _other_person(session: Session, asked_at: datetime | None) -> Need:
    """Ask the right person to sign in; once somebody has done so for this request, another one is a refusal.  Raises: LoginRequired."""
    if asked_at is not None and session.auth_time >= asked_at:
        raise LoginRequired("another person signed in than the request is about")
    return Need.LOGIN


SILENT_REFUSALS: dict[Need, type[OAuthError]] = {
    Need.LOGIN: LoginRequired,
    Need.ACCOUNT: AccountSelectionRequired,
    Need.SECOND_FACTOR: InteractionRequired,
    Need.PASSWORD: InteractionRequired,
    Need.REPRESENTED: InteractionRequired,
    Need.PERMISSION: ConsentRequired,
    Need.CONSENT: ConsentRequired,
}


def refuse_if_silent(request: AuthorizationRequest, need: Need) -> None:
    """Refuse a request with `prompt=none` that would need a page (AZ-10).  Raises: LoginRequired and its like."""
    if "none" in request.prompts and need in SILENT_REFUSALS:
        raise SILENT_REFUSALS[need]("prompt none does not allow a page")


def issue_code(identity: Identity, tx: Transaction, client: KnownClient, request: AuthorizationRequest, session: Session) -> str:
    """Make the grant and its code, bound to all that it must be bound to; return the code (AZ-23).

    Raises: AccessDenied where the sandbox was told to refuse.
    """
    faults.refuse_if_denied(identity, client)
    now, code, grant_id = identity.clock.now(), identity.ids.token(32), identity.ids.uuid7()
    acting = representation.for_grant(identity, tx, client, request, session)
    grant = {
        "id": grant_id,
        "client_id": client.id,
        "person_id": session.person_id,
        "session_id": session.id,
        "scopes": list(request.scopes),
        "resources": list(request.resources),
        "claims": request.claims,
        "authorization_details": request.authorization_details,
        "offline": request.offline,
        "auth_time": session.auth_time,
        "acr": session.acr,
        "amr": list(session.amr),
        "vot": rfc8485.told(proofings.level_of(identity, tx.connection, session.person_id), session.acr) if request.vectors else None,
        "created_at": now,
        **acting,
    }
    tx.connection.execute(GRANTS.insert().values(grant))
    row = {
        "code_hash": sha256_hex(code),
        "grant_id": grant_id,
        "redirect_uri": request.redirect_uri,
        "code_challenge": request.code_challenge,
        "nonce": request.nonce,
        "dpop_jkt": request.dpop_jkt,
        "created_at": now,
        "expires_at": now + timedelta(seconds=client.policy.code_ttl_seconds),
    }
    tx.connection.execute(CODES.insert(), row)
    data: dict[str, str | int | bool | list[str]] = {"client": client.client_id, "scopes": list(request.scopes), "acr": session.acr}
    tx.record(Event.CODE_ISSUED, actor=f"person:{session.person_id}", object_id=str(grant_id), channel="web", data=data)
    return code
