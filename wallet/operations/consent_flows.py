"""Consents within a sign-in: identity asks for a client, sends the person here, and reads her answer.  Spec: RFC 9396; contract §12."""

from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.auth import CannotGetToken
from shared.http import OutboundError
from wallet.context import Wallet
from wallet.errors import ConsentNotFound, GrantForbidden, RequestNotFound
from wallet.models.assent import assents_to
from wallet.models.consent import LIVE_STATES, Consent, ConsentState, chain_of, find_consent
from wallet.models.consent_request import ConsentRequest, RequestState, find_request, items_of
from wallet.operations.consent_requests import Ask, RequestView, create_request
from wallet.standards.canonical import Json
from wallet.standards.consent_record import instant

GRANT_ENDED = "tell_grant_ended"
SCOPE = "identity:grants"
TIMEOUT_SECONDS = 5


class IssuerAway(Exception):
    """Identity did not take the message; the job tries again."""


@dataclass(frozen=True)
class FlowOutcome:
    """Where a flow stands: the state of its one matter, and when it is a yes what was granted."""

    state: str
    consent_id: UUID | None = None
    grant_id: UUID | None = None
    granted: dict[str, Json] | None = None


def begin_flow(wallet: Wallet, client_id: str, ask: Ask) -> RequestView:
    """Make the request of a client within a sign-in, once.

    Raises: as `create_request`; ConsentNotFound, GrantForbidden for a grant to replace that is not there or not this client's.
    """
    if ask.replaces is not None:
        with wallet.reading() as tx:
            _check_replaced(wallet, tx.session, client_id, ask)
    return create_request(wallet, client_id, ask)


def _check_replaced(wallet: Wallet, session: Session, client_id: str, ask: Ask) -> None:
    chain = chain_of(session, ask.replaces) if ask.replaces else []
    if not chain or chain[-1].state_at(wallet.clock.now()) != ConsentState.ACTIVE:
        raise ConsentNotFound("There is no such grant to replace.")
    if chain[-1].client_id != client_id or chain[-1].subject_index != wallet.subject_index(ask.subject):
        raise GrantForbidden("The grant to replace is another client's or another person's.")


def flow_outcome(wallet: Wallet, client_id: str, request_id: UUID) -> FlowOutcome:
    """Return what the person decided, in the form that her permission has now: narrowed or renewed is still a yes, ended is none.

    Raises: RequestNotFound.
    """
    now = wallet.clock.now()
    with wallet.reading() as tx:
        row = find_request(tx.session, client_id, request_id)
        if row is None or not row.is_flow:
            raise RequestNotFound("No flow of this client has this id.")
        item = items_of(tx.session, row.id)[0]
        given = find_consent(tx.session, item.consent_id) if item.consent_id else None
        if given is None:
            is_kept = item.state_at(now) == RequestState.PENDING and bool(assents_to(tx.session, item))
            return FlowOutcome(RequestState.DEFERRED if is_kept else item.state_at(now))  # a sign-in does not wait for the others
        consent = chain_of(tx.session, given.chain_id)[-1]
        if consent.state_at(now) not in LIVE_STATES:
            return FlowOutcome(RequestState.REFUSED)
        return FlowOutcome(item.state, consent.consent_id, consent.chain_id, _granted(consent))


def _granted(consent: Consent) -> dict[str, Json]:
    fields: list[Json] = list(consent.granted_fields)
    return {"datatypes": [consent.dataset_id], "fields": fields, "purpose": consent.purpose_id, "valid_until": instant(consent.valid_until)}


def is_from_flow(session: Session, consent: Consent) -> bool:
    """Answer whether identity knows a consent as a grant: any of its chain was given in a flow, whatever renewed it since."""
    given = select(Consent.consent_id).join(ConsentRequest, ConsentRequest.id == Consent.request)
    statement = given.where(Consent.chain_id == consent.chain_id, ConsentRequest.is_flow).limit(1)
    return session.scalars(statement).one_or_none() is not None


def tell_issuer(wallet: Wallet, client_id: str, grant_id: UUID) -> None:
    """Tell identity that a grant is over.  Raises: IssuerAway."""
    parts = urlsplit(wallet.settings.issuer)
    origin = f"{parts.scheme}://{parts.netloc}"
    try:
        headers = {"Authorization": "Bearer " + wallet.tokens.token(origin, SCOPE)}
        body = {"client_id": client_id, "grant_id": str(grant_id)}
        reply = wallet.http.request("POST", origin + "/grants/ended", json=body, headers=headers, timeout_seconds=TIMEOUT_SECONDS)
    except (OutboundError, CannotGetToken) as error:
        raise IssuerAway(type(error).__name__) from None
    if reply.status != 204:
        raise IssuerAway(f"identity answered {reply.status}")
