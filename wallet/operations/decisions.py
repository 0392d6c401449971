"""A person decides: what she is shown, and what becomes of her answer.  Spec: wallet contract §4, §4.1, §5.4."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crypto import constant_time_equal, sha256_hex
from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import InvalidExchange, RequestNotFound, SnapshotChanged, ViewUsed
from wallet.models.consent_request import OPEN_STATES, REQUEST_STATES, ConsentRequest, ConsentRequestItem, RequestState, items_of
from wallet.operations.delegations import confirm_power, hold_power
from wallet.operations.grants import delegation_words, grant_consent
from wallet.operations.joint_decisions import Yes, confirm_others, keep_yes, needed, yeses
from wallet.operations.moves import legal
from wallet.operations.offers import build_offer
from wallet.operations.presence import Presence
from wallet.standards.acting import Power
from wallet.standards.canonical import canonical
from wallet.standards.consent_record import Frozen, any_sensitive, decided_by, fields_of, shown_sha256
from wallet.standards.returning import return_url


class Choice(StrEnum):
    """What a person can answer."""

    GRANT = "grant"
    REFUSE = "refuse"
    LATER = "later"


POWERS = {Choice.GRANT: Power.GRANT, Choice.REFUSE: Power.REFUSE, Choice.LATER: Power.VIEW}
TARGETS = {Choice.GRANT: RequestState.ACCEPTED, Choice.REFUSE: RequestState.REFUSED, Choice.LATER: RequestState.DEFERRED}


class LoginTooOld(Exception):
    """The person signed in too long ago to grant; she signs in again and goes on."""


class LevelTooLow(Exception):
    """Sensitive data need a stronger sign-in; `level` is the one to reach."""

    def __init__(self, level: int) -> None:
        super().__init__(f"level {level}")
        self.level = level


@dataclass(frozen=True)
class Answer:
    """One answer; `shown_sha256` came back with the form."""

    choice: Choice
    item_id: str
    shown_sha256: str
    optional_fields: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Agreed:
    """One of those who must decide together, who said yes."""

    name: str
    at: datetime
    is_me: bool


@dataclass(frozen=True)
class Shown:
    """One item on its page: the offer, its hash, and where it stands."""

    item_id: str
    state: str
    decided_at: datetime | None
    consent_id: UUID | None
    receipt_id: UUID | None
    offer: Frozen
    sha256: str
    needed: int = 1
    """So many must say yes."""
    agreed: tuple[Agreed, ...] = ()

    @property
    def is_open(self) -> bool:
        """True while the person can decide."""
        return self.state in OPEN_STATES

    @property
    def waits_for_others(self) -> bool:
        """True where she said yes and others have not; where all have by now, one of them says it once more."""
        return self.is_open and any(one.is_me for one in self.agreed) and len(self.agreed) < self.needed

    @property
    def missing(self) -> int:
        """How many more must say yes."""
        return max(self.needed - len(self.agreed), 1)


@dataclass(frozen=True)
class RequestPage:
    """A request as the person sees it."""

    id: UUID
    redirect_uri: str
    expires_at: datetime
    items: tuple[Shown, ...]
    back: str | None = None
    """Where she came from with this request in this session, to go back to."""

    @property
    def next_open(self) -> Shown | None:
        """The first item that waits for her; each matter has a page of its own (U6)."""
        return next((item for item in self.items if item.is_open and not item.waits_for_others), None)

    @property
    def waiting(self) -> tuple[Shown, ...]:
        """The items that wait for others since she said yes."""
        return tuple(item for item in self.items if item.waits_for_others)


def open_view(wallet: Wallet, presence: Presence, code: str) -> UUID:
    """Return the request behind a link, which from then on belongs to this session.

    Raises: RequestNotFound for an unknown link and for another person's, ViewUsed when another session opened it.
    """
    with wallet.transaction() as tx:
        statement = select(ConsentRequest).where(ConsentRequest.view_code_sha256 == sha256_hex(code)).with_for_update()
        row = tx.session.scalars(statement).one_or_none()
        if row is None or row.subject_index != wallet.subject_index(presence.subject):
            raise RequestNotFound(gettext_noop("This link is not for the person who signed in."))
        _own(wallet, tx.session, presence, row.id)
        if row.opened_by is None:
            row.opened_by = presence.session_hash
        elif not constant_time_equal(row.opened_by, presence.session_hash):
            raise ViewUsed(gettext_noop("Look for the request on your own page, under “Waiting for you”."))
        return row.id


def waiting_requests(wallet: Wallet, presence: Presence, *, lang: str) -> list[RequestPage]:
    """Return the requests that wait for a person and that their body lets show here."""
    index = wallet.subject_index(presence.subject)
    with wallet.reading() as tx:
        statement = select(ConsentRequest).where(ConsentRequest.subject_index == index, ConsentRequest.is_listed)
        rows = tx.session.scalars(
            statement.where(ConsentRequest.expires_at > wallet.clock.now()).order_by(ConsentRequest.created_at.desc())
        )
        pages = [_page(wallet, tx.session, presence, row, lang) for row in rows.all() if _is_asked(wallet, tx.session, presence, row)]
    return [page for page in pages if page.next_open or page.waiting]


def show_request(wallet: Wallet, presence: Presence, request: UUID, *, lang: str) -> RequestPage:
    """Return a request to the person it is about.  Raises: RequestNotFound."""
    with wallet.reading() as tx:
        return _page(wallet, tx.session, presence, _own(wallet, tx.session, presence, request), lang)


def decide(wallet: Wallet, presence: Presence, request: UUID, answer: Answer, *, lang: str) -> str | None:
    """Take a person's answer; return where to send her when nothing of the request is left to decide, else None.

    Of those who must decide together one's no is a no, and a yes waits for the others'.
    Raises: RequestNotFound, IllegalTransition when it was decided before, SnapshotChanged when the page showed something else,
    LoginTooOld, LevelTooLow, InvalidExchange for a field that was not offered.
    """
    now = wallet.clock.now()
    presence.require(POWERS[answer.choice], together=True)
    if presence.acting is not None:
        confirm_power(wallet, presence, presence.acting.delegation_id)
        confirm_others(wallet, presence, request)
    with wallet.transaction() as tx:
        row = _own(wallet, tx.session, presence, request)
        items = items_of(tx.session, row.id, lock=True)
        item = next((one for one in items if one.item_id == answer.item_id and _covers(presence, one)), None)
        if item is None:
            raise RequestNotFound(gettext_noop("This request has no such part."))
        if answer.choice is Choice.LATER and item.state_at(now) == RequestState.DEFERRED:
            return _back(wallet, presence, row)  # she said so before: nothing moves, and nothing is logged
        action = legal(REQUEST_STATES, RequestState(item.state_at(now)), TARGETS[answer.choice])
        others = _others(wallet, tx.session, presence, row, item) if answer.choice is Choice.GRANT else []
        hold_power(wallet, tx.session, presence)
        offer = build_offer(wallet, tx.session, row, item, lang=lang)
        shown = shown_sha256(offer)
        if answer.choice is Choice.GRANT:
            _check_grant(wallet, presence, answer, offer=offer, shown=shown)
            if len(others) + 1 < needed(presence, others):
                keep_yes(wallet, tx, presence, row, item, optional=answer.optional_fields, shown=shown, lang=lang)
                return None
            chosen = answer.optional_fields.intersection(*(one.optional_fields for one in others))
            item.consent_id = grant_consent(wallet, tx, presence, row, item, offer=offer, optional=chosen, others=others)
        item.state, item.version = TARGETS[answer.choice], item.version + 1
        item.decided_at = None if answer.choice is Choice.LATER else now
        data: dict[str, str | int | bool | list[str]] = {"item": item.item_id, "shown_sha256": shown, "language": lang}
        if others:
            data["together"] = [f"delegation:{one.delegation_id}" for one in others]
        entry = tx.record(
            action,
            actor=presence.actor,
            subject=presence.subject,
            on_behalf_of=presence.on_behalf_of,
            object_id=str(row.id),
            purpose=item.purpose_id,
            channel="web",
            data=data,
        )
        if answer.choice is Choice.REFUSE:
            item.receipt_id, item.log_entry_id, item.log_leaf = wallet.ids.uuid4(), entry.entry_id, entry.leaf_hash
            refused = {**offer, "decided_by": decided_by(presence.actor, delegation_words(presence))}
            item.refused_offer = wallet.cipher.encrypt(canonical(refused).decode(), scope=wallet.subject_scope(row.subject_index))
        mine = [one for one in items if _covers(presence, one)]
        is_done = all(one.state_at(now) not in OPEN_STATES for one in mine) or answer.choice is Choice.LATER
        return _back(wallet, presence, row) if is_done else None


def _back(wallet: Wallet, presence: Presence, row: ConsentRequest) -> str | None:
    """Return where to send her: back to the body, unless of those who must decide together another came from there."""
    if presence.needs_others(Power.GRANT) and row.opened_by != presence.session_hash:
        return None
    return _return_url(wallet, row)


def _return_url(wallet: Wallet, row: ConsentRequest) -> str:
    issuer = wallet.settings.public_url
    return return_url(row.redirect_uri, request_id=str(row.request_id), state=row.state_parameter, issuer=issuer)


def _others(wallet: Wallet, session: Session, presence: Presence, row: ConsentRequest, item: ConsentRequestItem) -> list[Yes]:
    """Return the yes of each other who decides together with her, their powers held; nobody's where she decides alone."""
    acting = presence.acting
    if acting is None or not presence.needs_others(Power.GRANT):
        return []
    mine = wallet.subject_index(presence.own_subject)
    return [one for one in yeses(wallet, session, row, item, lock=acting.delegation_id) if one.delegate_index != mine]


def _check_grant(wallet: Wallet, presence: Presence, answer: Answer, *, offer: Frozen, shown: str) -> None:
    """Hold a yes to what was shown, to a fresh sign-in, and where sensitive data are granted to a stronger one (U7)."""
    offered = {str(field["field_id"]) for field in fields_of(offer) if field["optional"]}
    if answer.optional_fields - offered:
        raise InvalidExchange(gettext_noop("A field was chosen that this request does not offer."))
    if not constant_time_equal(answer.shown_sha256, shown):
        raise SnapshotChanged(gettext_noop("Read the page again: something in it is different now."))
    if wallet.clock.now() - presence.auth_time > timedelta(seconds=wallet.settings.fresh_login_seconds):
        raise LoginTooOld
    level = wallet.settings.sensitive_grant_level
    if presence.level < level and any_sensitive(offer, also=answer.optional_fields):
        raise LevelTooLow(level)


def _covers(presence: Presence, item: ConsentRequestItem) -> bool:
    return presence.covers(item.dataset_id, item.purpose_id, item.procedure_code)


def _own(wallet: Wallet, session: Session, presence: Presence, request: UUID) -> ConsentRequest:
    row = session.get(ConsentRequest, request)
    if row is None or row.subject_index != wallet.subject_index(presence.subject):
        raise RequestNotFound(gettext_noop("You have no request with this number."))
    if not _is_asked(wallet, session, presence, row):
        raise RequestNotFound(gettext_noop("The body asked another person to decide this."))
    if not any(_covers(presence, item) for item in items_of(session, row.id)):
        raise RequestNotFound(gettext_noop("Your power to act does not cover this request."))
    return row


def _is_asked(wallet: Wallet, session: Session, presence: Presence, row: ConsentRequest) -> bool:
    """Answer whether a person is asked: whom the body named, where it named one, and with whom she must decide once she said yes."""
    if row.required_delegator in {None, wallet.subject_index(presence.own_subject)}:
        return True
    if not presence.needs_others(Power.GRANT):
        return False
    said = [one for item in items_of(session, row.id) for one in yeses(wallet, session, row, item)]
    return any(one.delegate_index == row.required_delegator for one in said)


def _page(wallet: Wallet, session: Session, presence: Presence, row: ConsentRequest, lang: str) -> RequestPage:
    items = [one for one in items_of(session, row.id) if _covers(presence, one)]
    is_here = row.opened_by == presence.session_hash
    shown = tuple(_shown(wallet, session, presence, row, item, lang=lang) for item in items)
    return RequestPage(row.id, row.redirect_uri, row.expires_at, shown, _return_url(wallet, row) if is_here else None)


def _shown(wallet: Wallet, session: Session, presence: Presence, row: ConsentRequest, item: ConsentRequestItem, *, lang: str) -> Shown:
    offer, state = build_offer(wallet, session, row, item, lang=lang), item.state_at(wallet.clock.now())
    said = yeses(wallet, session, row, item) if presence.needs_others(Power.GRANT) and state in OPEN_STATES else []
    mine = wallet.subject_index(presence.own_subject)
    return Shown(
        item_id=item.item_id,
        state=state,
        decided_at=item.decided_at,
        consent_id=item.consent_id,
        receipt_id=item.receipt_id,
        offer=offer,
        sha256=shown_sha256(offer),
        needed=needed(presence, said),
        agreed=tuple(Agreed(one.name, one.said_at, one.delegate_index == mine) for one in said),
    )
