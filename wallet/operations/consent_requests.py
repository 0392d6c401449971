"""Consent requests: make one, look at it, take it back.  Spec: wallet contract §4, §5.4."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.crypto import sha256_hex
from shared.performance.answers import question_url
from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.errors import AgreementRequired, ConsentRefused, IdConflict, InvalidExchange, RequestNotFound, TemplateLimitExceeded
from wallet.events import Event
from wallet.models.agreement import Agreement
from wallet.models.consent_request import (
    OPEN_STATES,
    REQUEST_STATES,
    ConsentRequest,
    ConsentRequestItem,
    RequestState,
    find_request,
    items_of,
    latest_refusal,
)
from wallet.models.person_notice import NoticeKind
from wallet.operations import coverage
from wallet.operations.callers import Body, find_body
from wallet.operations.known import Known
from wallet.operations.moves import legal
from wallet.operations.rule_runs import REQUEST, keep_refusal, keep_report
from wallet.standards.canonical import Json, canonical
from wallet.standards.consent_record import instant
from wallet.standards.limits import Verdict
from wallet.standards.returning import origin_of

VIEW_CODE_BYTES = 18
LAPSE_BATCH = 500
DECIDED: set[str] = {RequestState.ACCEPTED, RequestState.REFUSED}
"""What a person did, where the other ends came without them."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One matter as a body asks for it; times aware, `frequency` {count, unit} for `periodic`."""

    dataset_id: str
    purpose_id: str
    fields: tuple[str, ...]
    optional_fields: tuple[str, ...]
    mode: str
    fetch: str
    valid_until: datetime
    frequency: dict[str, Json] | None
    data_period: dict[str, str] | None
    procedure_code: str | None
    case_id: str | None


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One call; `body_sha256` is over the body as it came, `run` (of a company, its RUT) in its normal form.

    `required_delegator` is the one person, `cl-run:…`, who may decide for the subject; None for anybody with the power.
    `is_flow` says that identity asks for the client, within a sign-in; `replaces` is the grant that a yes takes the place of.
    """

    request_id: UUID
    run: str
    items: Sequence[Item]
    redirect_uri: str
    state_parameter: str | None
    message: dict[str, str]
    ui_locales: list[str]
    is_listed: bool
    body_sha256: str
    scheme: str = "cl-run"
    required_delegator: str | None = field(default=None, repr=False)
    is_flow: bool = False
    replaces: UUID | None = None

    @property
    def subject(self) -> str:
        """The person or company, as the log names it."""
        return f"{self.scheme}:{self.run}"


@dataclass(frozen=True)
class ItemView:
    """One item as its requester sees it."""

    item_id: str
    state: str
    consent_id: UUID | None
    decided_at: datetime | None


@dataclass(frozen=True)
class RequestView:
    """One request as its requester sees it; `is_new` is False for a repeat.

    `feedback_uri` is where the person who has decided is asked how it went, for the requester's own last page.
    """

    request_id: UUID
    view_uri: str
    expires_at: datetime
    items: tuple[ItemView, ...]
    is_new: bool = False
    feedback_uri: str | None = None


def create_request(wallet: Wallet, client_id: str, ask: Ask) -> RequestView:
    """Ask a person, once: the same id with the same body gives the first answer again.

    Raises: ClientNotRegistered, InvalidExchange, IdConflict, ConsentRefused, and the refusals of `coverage`.
    """
    try:
        return _create(wallet, client_id, ask)
    except TemplateLimitExceeded as refusal:
        with wallet.transaction() as tx:
            keep_refusal(tx, wallet.clock, refusal, REQUEST)
        raise


def _create(wallet: Wallet, client_id: str, ask: Ask) -> RequestView:
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        body = find_body(tx.session, client_id, "consumer")
        if not _may_return(wallet, body, ask):
            raise InvalidExchange("The return address is not one of this client's.", errors={"redirect_uri": ["Not registered."]})
        values = _request_values(wallet, body, ask, now)
        is_new = bool(tx.connection.execute(insert(ConsentRequest).values(values).on_conflict_do_nothing()).rowcount)
        row = find_request(tx.session, client_id, ask.request_id)
        if row is None or row.body_sha256 != ask.body_sha256:
            raise IdConflict("Choose a new id for a new request.")
        if is_new:
            for number, item in enumerate(ask.items, start=1):
                tx.session.add(_new_item(wallet, tx, body, ask, row=row, item=item, number=number))
            purposes = sorted({item.purpose_id for item in ask.items})
            data: dict[str, str | int | bool | list[str]] = {
                "purposes": purposes,
                "datasets": sorted({item.dataset_id for item in ask.items}),
            }
            tx.record(Event.REQUEST_REQUESTED, actor=body.actor, subject=ask.subject, object_id=str(row.id), data=data)
            tx.session.flush()
            if ask.is_listed:
                tx.enqueue("notify_person", {"kind": NoticeKind.REQUEST, "id": str(row.id)})
        return _view(wallet, tx.session, row, now, is_new=is_new)


def get_request(wallet: Wallet, client_id: str, request_id: UUID) -> RequestView:
    """Return a request to the client that made it.  Raises: RequestNotFound."""
    with wallet.reading() as tx:
        row = find_request(tx.session, client_id, request_id)
        if row is None:
            raise RequestNotFound("No request of yours has this id.")
        return _view(wallet, tx.session, row, wallet.clock.now())


def cancel_request(wallet: Wallet, client_id: str, request_id: UUID) -> None:
    """Take back what the person has not decided; a second call finds nothing left to do.

    Raises: RequestNotFound, IllegalTransition when the person decided every item.
    """
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        row = find_request(tx.session, client_id, request_id)
        if row is None:
            raise RequestNotFound("No request of yours has this id.")
        items = items_of(tx.session, row.id, lock=True)
        undecided = [item for item in items if item.state_at(now) in OPEN_STATES]
        if not undecided and all(item.state == RequestState.CANCELLED for item in items):
            return
        for item in undecided or items:
            action = legal(REQUEST_STATES, RequestState(item.state_at(now)), RequestState.CANCELLED)
            item.state, item.decided_at, item.version = RequestState.CANCELLED, now, item.version + 1
            subject = wallet.cipher.decrypt(row.subject, scope=wallet.subject_scope(row.subject_index))
            tx.record(action, actor=f"client:{client_id}", subject=subject, object_id=str(row.id), data={"item": item.item_id})


def lapse_requests(wallet: Wallet) -> int:
    """Write `expired` on what the clock has ended already; return how many."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        statement = select(ConsentRequestItem).where(ConsentRequestItem.state.in_(OPEN_STATES), ConsentRequestItem.expires_at <= now)
        items = tx.session.scalars(statement.limit(LAPSE_BATCH).with_for_update(skip_locked=True)).all()
        for item in items:
            action = legal(REQUEST_STATES, RequestState(item.state), RequestState.EXPIRED)
            item.state, item.decided_at, item.version = RequestState.EXPIRED, now, item.version + 1
            tx.record(action, actor="system:clock", object_id=str(item.request), data={"item": item.item_id})
        return len(items)


def _may_return(wallet: Wallet, body: Body, ask: Ask) -> bool:
    """Answer whether a person may be sent back there: to an address of the client, or within a flow to identity."""
    if ask.is_flow:
        return origin_of(ask.redirect_uri) == origin_of(wallet.settings.issuer)
    return ask.redirect_uri in body.client.redirect_uris


def _request_values(wallet: Wallet, body: Body, ask: Ask, now: datetime) -> dict[str, object]:
    index = wallet.subject_index(ask.subject)
    scope = wallet.subject_scope(index)
    code = wallet.ids.token(VIEW_CODE_BYTES)
    return {
        "id": wallet.ids.uuid7(),
        "request_id": ask.request_id,
        "client_id": body.client.client_id,
        "org_id": body.organisation.org_id,
        "subject": wallet.cipher.encrypt(ask.subject, scope=scope),
        "subject_index": index,
        "body_sha256": ask.body_sha256,
        "redirect_uri": ask.redirect_uri,
        "state_parameter": ask.state_parameter,
        "message": ask.message,
        "ui_locales": ask.ui_locales,
        "is_listed": ask.is_listed,
        "is_flow": ask.is_flow,
        "replaces": ask.replaces,
        "required_delegator": wallet.subject_index(ask.required_delegator) if ask.required_delegator else None,
        "view_code_sha256": sha256_hex(code),
        "view_code": wallet.cipher.encrypt(code, scope=scope),
        "created_at": now,
        "expires_at": now + timedelta(days=wallet.settings.request_ttl_days),
    }


def _new_item(wallet: Wallet, tx: Transaction, body: Body, ask: Ask, *, row: ConsentRequest, item: Item, number: int) -> ConsentRequestItem:
    now, session = row.created_at, tx.session
    fields = item.fields + item.optional_fields
    matter = coverage.find_matter(Known(wallet, session), item.dataset_id, fields, item.purpose_id)
    coverage.check_subject(matter, ask.scheme)
    procedure_code = item.procedure_code or matter.purpose.procedure_code
    agreement, verdict = _agreement(Known(wallet, session), matter, body, item, procedure_code=procedure_code, now=now)
    keep_report(tx, wallet.clock, agreement, verdict, REQUEST)
    matter_index = _matter_index(wallet, body, ask, item)
    _check_not_refused_lately(wallet, session, matter_index, now)
    scope = wallet.subject_scope(row.subject_index)
    return ConsentRequestItem(
        request=row.id,
        item_id=str(number),
        dataset_id=matter.dataset.dataset_id,
        dataset_version=matter.dataset.version,
        purpose_id=matter.purpose.purpose_id,
        purpose_version=matter.purpose.version,
        agreement_id=agreement.agreement_id,
        agreement_version=agreement.version,
        fields=list(item.fields),
        optional_fields=list(item.optional_fields),
        mode=item.mode,
        fetch=item.fetch,
        max_uses=1 if item.fetch == "once" else None,
        frequency=item.frequency,
        valid_until=item.valid_until,
        data_period=item.data_period,
        procedure_code=procedure_code,
        case_id=wallet.cipher.encrypt(item.case_id, scope=scope) if item.case_id else None,
        matter_index=matter_index,
        state=RequestState.PENDING,
        expires_at=min(row.expires_at, item.valid_until),
    )


def _agreement(
    known: Known, matter: coverage.Matter, body: Body, item: Item, *, procedure_code: str | None, now: datetime
) -> tuple[Agreement, Verdict]:
    """Return the agreement under which the person is asked, and what its limits say.

    Raises: AgreementRequired where the law decides (U3), TemplateLimitExceeded.
    """
    found = coverage.covering(known, matter, body.organisation.org_id, procedure_code, now=now)
    agreement = next((one for one in found if coverage.asks_person(one, matter)), None)
    if agreement is None:
        raise AgreementRequired("The law decides this exchange: there is nothing to ask the person. Use the law's basis at the gate.")
    seconds = int((item.valid_until - now).total_seconds())
    if seconds > matter.dataset.consent_max_seconds:
        raise TemplateLimitExceeded("The dataset's own limit of time is broken.", limit="consent_max_duration")
    uses = 1 if item.fetch == "once" else None
    extent = coverage.extent_of(
        valid_from=now, valid_until=item.valid_until, uses=uses, frequency=item.frequency, data_period=item.data_period
    )
    return agreement, coverage.check_limits(agreement, matter, mode=item.mode, extent=extent)


def _matter_index(wallet: Wallet, body: Body, ask: Ask, item: Item) -> bytes:
    """Return the mark by which the same request is known again: same body, person, data, purpose and case."""
    matter: dict[str, Json] = {
        "org": body.organisation.org_id,
        "subject": ask.subject,
        "dataset": item.dataset_id,
        "purpose": item.purpose_id,
        "fields": sorted(item.fields + item.optional_fields),
        "procedure": item.procedure_code,
        "case": item.case_id,
    }
    return wallet.cipher.blind_index(canonical(matter).decode(), purpose="wallet-matter")


def _check_not_refused_lately(wallet: Wallet, session: Session, matter_index: bytes, now: datetime) -> None:
    refused_at = latest_refusal(session, matter_index)
    if refused_at is None:
        return
    until = refused_at + timedelta(days=wallet.settings.refusal_quiet_days)
    if now < until:
        raise ConsentRefused("The person refused this same request. It cannot be made again yet.", blocked_until=instant(until))


def _view(wallet: Wallet, session: Session, row: ConsentRequest, now: datetime, *, is_new: bool = False) -> RequestView:
    code = wallet.cipher.decrypt(row.view_code, scope=wallet.subject_scope(row.subject_index))
    items = tuple(ItemView(item.item_id, item.state_at(now), item.consent_id, item.decided_at) for item in items_of(session, row.id))
    states, feedback = {item.state for item in items}, None
    if states & DECIDED and states.isdisjoint(OPEN_STATES):
        feedback = question_url(wallet, service=row.org_id, product="decision", channel="web", interaction=str(row.id))
    return RequestView(row.request_id, f"{wallet.settings.public_url}/c/{code}", row.expires_at, items, is_new, feedback)
