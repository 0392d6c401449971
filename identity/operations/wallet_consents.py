"""A permission that is asked for on the way to a service: the wallet asks the person, and what she gave stands in the tokens.

Spec: RFC 9396; Grant Management for OAuth 2.0 -03; wallet contract §12.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy import Connection, text, update

from identity.context import Identity
from identity.errors import AccessDenied, InvalidAuthorizationDetails, InvalidGrantId, OAuthInvalidRequest, TemporarilyUnavailable
from identity.events import Event
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.finders import find_active_facts
from identity.models.grant import Grant
from identity.operations import representation
from identity.operations.authorization_requests import AuthorizationRequest
from identity.operations.own_tokens import own_token
from identity.operations.sessions import Session
from identity.standards.rfc9396 import CONSENT, CONSENT_REQUEST
from shared.http import OutboundError
from shared.transaction import Transaction

log = structlog.get_logger("andamio.identity.wallet_consents")
GRANTS = table_of(Grant)
NAMESPACE = uuid.UUID("a2d9a3a0-7a3f-4c5b-9f0e-0c2a54f0b6d1")
SCOPE = "wallet:flows"
TIMEOUT_SECONDS = 5
ITEM = {"datatypes": "dataset_id", "purpose": "purpose_id"}
SUBJECT_PURPOSE = "permission-subject"
PASSING = frozenset({401, 408, 429})
"""What says nothing about the permission that is asked for."""
NOT_THE_REQUEST = frozenset({"", "forbidden", "insufficient-scope", "insufficient_scope"})
"""Kinds of 403 that are about this service, and not about the client or what it asks for."""
REFUSED = frozenset({"refused", "cancelled", "expired", "invalidated"})
Element = dict[str, object]


@dataclass(frozen=True)
class Subject:
    """Whom a permission is about: the person, or whom they act for."""

    scheme: str
    value: str


@dataclass(frozen=True)
class Decision:
    """Where the question stands at the wallet; `granted` is the element that tokens carry."""

    is_open: bool
    granted: Element | None


@dataclass(frozen=True)
class Given:
    """A permission that the wallet says was given: to which question, about whom, and the element that tokens carry."""

    question: str
    subject: Subject
    element: Element


def asked(request: AuthorizationRequest) -> Element | None:
    """Return the permission that a request asks for and that the person has not decided."""
    return next((element for element in request.authorization_details or () if element.get("type") == CONSENT_REQUEST), None)


def left_to_show(request: AuthorizationRequest) -> list[Element]:
    """Return the details that identity itself asks about: what the wallet asks, or has asked, is not asked twice."""
    return [one for one in request.authorization_details or () if one.get("type") != CONSENT_REQUEST and "grant_id" not in one]


def refuse_unpushed(request: AuthorizationRequest) -> None:
    """Refuse a permission that is asked for through the browser.  Raises: OAuthInvalidRequest."""
    if asked(request) is not None:
        raise OAuthInvalidRequest("a request for a permission is pushed")


def begin(
    identity: Identity, interaction_id: str, client: KnownClient, request: AuthorizationRequest, session: Session, *, back: str
) -> str:
    """Have the wallet make the question, once for each interaction and subject, and return where it is asked.

    Raises: InvalidAuthorizationDetails, InvalidGrantId, AccessDenied (refused lately), TemporarilyUnavailable.
    """
    element, subject = asked(request) or {}, find_subject(identity, client, request, session)
    body = {
        "id": question_id(interaction_id, subject),
        "client_id": client.client_id,
        "subject": {"scheme": subject.scheme, "value": subject.value},
        "item": {ITEM.get(name, name): value[0] if name == "datatypes" else value for name, value in _members(element).items()},
        "redirect_uri": back,
        **({"replaces": request.replaces} if request.replaces else {}),
    }
    status, answer = _call(identity, "POST", "/consent-flows", body)
    if status in {200, 201}:
        return str(answer["view_uri"])
    code = str(answer.get("type", "")).rpartition(":")[2].rpartition("/")[2]
    if code == "consent_refused":
        raise AccessDenied("the person refused this lately")
    if request.replaces and code in {"consent_not_found", "grant_forbidden"}:
        raise InvalidGrantId("this grant cannot be replaced")
    if status in PASSING or (status == 403 and code in NOT_THE_REQUEST):
        log.warning("wallet does not take the call", status=status)
        raise TemporarilyUnavailable("the wallet does not answer")
    raise InvalidAuthorizationDetails(f"the wallet does not take the permission: {code or status}")


def _members(element: Element) -> dict[str, Any]:  # parse() held them to the schema of the type
    return {name: value for name, value in element.items() if name != "type"}


def decision(identity: Identity, client: KnownClient, question: str) -> Decision:
    """Return what was decided at the wallet about a question.  Raises: AccessDenied, TemporarilyUnavailable."""
    status, answer = _call(identity, "GET", f"/consent-flows/{client.client_id}/{question}", None)
    if status == 404:
        return Decision(is_open=True, granted=None)
    state = answer.get("state")
    if status != 200 or not isinstance(state, str):
        raise TemporarilyUnavailable("the wallet does not say what was decided")
    if state in REFUSED:
        raise AccessDenied("the person did not give the permission")
    if state == "deferred":
        raise AccessDenied("the person decides later")
    if state != "accepted":
        return Decision(is_open=True, granted=None)
    told = {name: answer[name] for name in ("grant_id", "datatypes", "fields", "purpose", "valid_until")}
    return Decision(is_open=False, granted={"type": CONSENT, "identifier": answer["consent_id"], **told})


def confirm(identity: Identity, client: KnownClient, request: AuthorizationRequest) -> None:
    """Ask the wallet whether what was given still holds, after the code was made and before it is sent.

    What ended until now is found here; what ends later ends tokens that are there to be ended, so nothing falls between.
    Raises: AccessDenied when it ended meanwhile, TemporarilyUnavailable.
    """
    given = [one for one in request.authorization_details or () if one.get("type") == CONSENT and "grant_id" in one]
    if not given:
        return
    try:
        if request.question is not None and decision(identity, client, request.question).granted is not None:
            return
    except AccessDenied:
        pass
    for element in given:
        take_end(identity, client.client_id, str(element["grant_id"]))
    raise AccessDenied("the permission was ended before the sign-in was over")


def with_granted(
    identity: Identity, tx: Transaction, client: KnownClient, request: AuthorizationRequest, given: Given
) -> AuthorizationRequest:
    """Return the request with what was given in the place of what was asked; tokens of a replaced grant end."""
    if request.replaces:
        end_grant(identity, tx, client, request.replaces)
    details = [given.element if one.get("type") == CONSENT_REQUEST else one for one in request.authorization_details or ()]
    return replace(request, authorization_details=details, question=given.question, permitted_by=_mark(identity, given.subject))


def check_subject(identity: Identity, connection: Connection, client: KnownClient, request: AuthorizationRequest, session: Session) -> None:
    """Raises: AccessDenied where a permission was taken, and it is about somebody else than the session is now."""
    if request.permitted_by is None:
        return
    if request.permitted_by != _mark(identity, subject_of(identity, connection, client, request, session)):
        raise AccessDenied("the permission that was given is about somebody else")


def _mark(identity: Identity, subject: Subject) -> str:
    return identity.cipher.blind_index(f"{subject.scheme}|{subject.value}", purpose=SUBJECT_PURPOSE).hex()


def end_grant(identity: Identity, tx: Transaction, client: KnownClient, grant_id: str) -> int:
    """End what tokens a client has of a grant, refresh tokens too; return how many sign-ins that ended."""
    of_it = (
        GRANTS.c.client_id == client.id,
        GRANTS.c.revoked_at.is_(None),
        text("jsonb_typeof(grants.authorization_details) = 'array'"),  # as the index has it; without details the column holds a JSON null
        GRANTS.c.authorization_details.contains([{"grant_id": grant_id}]),
    )
    return int(tx.connection.execute(update(GRANTS).where(*of_it).values(revoked_at=identity.clock.now())).rowcount)


def take_end(identity: Identity, client_id: str, grant_id: str) -> None:
    """Take from the wallet that a grant is over."""
    client = identity.clients.find(client_id)
    if client is None:
        return
    with identity.transaction() as tx:
        if end_grant(identity, tx, client, grant_id):
            tx.record(Event.GRANT_ENDED, actor="client:wallet", object_id=grant_id, data={"client": client_id})


def question_id(interaction_id: str, subject: Subject) -> str:
    """Return the question's id at the wallet: what one person answered answers nothing about another in the same interaction."""
    return str(uuid.uuid5(NAMESPACE, f"{interaction_id}|{subject.scheme}|{subject.value}"))


def find_subject(identity: Identity, client: KnownClient, request: AuthorizationRequest, session: Session) -> Subject:
    """Return whom the permission is about, now.  Raises: AccessDenied."""
    with identity.reading() as tx:
        return subject_of(identity, tx.connection, client, request, session)


def subject_of(identity: Identity, connection: Connection, client: KnownClient, request: AuthorizationRequest, session: Session) -> Subject:
    """Return whom the permission is about: the person, or whom they act for here.  Raises: AccessDenied."""
    wish = representation.wish_of(request)
    chosen = representation.find_choice(identity, connection, client, session, wish) if wish else None
    facts = find_active_facts(connection, identity.cipher, session.person_id)
    if chosen is not None and chosen.option is not None:
        principal = chosen.option.principal
        return Subject("cl-rut" if principal.kind == "company" else "cl-run", principal.number)
    if facts is None:
        raise AccessDenied("the account is not active")
    return Subject("cl-run", str(facts.run))


def _call(identity: Identity, method: str, path: str, body: Mapping[str, object] | None) -> tuple[int, dict[str, Any]]:
    """Call the wallet.  Raises: TemporarilyUnavailable."""
    url = identity.settings.wallet_url
    if not url:
        raise InvalidAuthorizationDetails("there is no wallet here")
    try:
        headers = {"Authorization": "Bearer " + own_token(identity, url, SCOPE), "Accept": "application/json"}
        reply = identity.http.request(method, url + path, json=body, headers=headers, timeout_seconds=TIMEOUT_SECONDS)
        answer = reply.json()
    except OutboundError as error:
        log.warning("wallet away", why=type(error).__name__)
        raise TemporarilyUnavailable("the wallet does not answer") from None
    if reply.status >= 500 or not isinstance(answer, dict):
        raise TemporarilyUnavailable("the wallet does not answer")
    return reply.status, answer
