"""Previews: the person sees the data first, and they go on only when she says so.  Spec: wallet contract §8.3 X3."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import PreviewNotFound
from wallet.events import Outcome
from wallet.models.base import in_language
from wallet.models.dataset import find_dataset
from wallet.models.organisation import organisation_names
from wallet.models.preview import PREVIEW_STATES, Preview, PreviewState, find_preview, open_previews
from wallet.operations.delegations import hold_power
from wallet.operations.gate import ExchangeAsk, Passed
from wallet.operations.log_entries import Access, write_entry
from wallet.operations.moves import legal
from wallet.operations.presence import Presence
from wallet.providers.base import Record
from wallet.standards.acting import Power
from wallet.standards.canonical import Json

MINUTES = 15
GONE_BATCH = 500


@dataclass(frozen=True)
class PreviewPage:
    """A preview as its person sees it: titles and values."""

    txn: UUID
    org_name: str
    dataset_title: str
    state: str
    expires_at: datetime
    rows: tuple[tuple[str, Json], ...]


def hold(wallet: Wallet, passed: Passed, ask: ExchangeAsk, *, access: Access, record: Record, data: Mapping[str, Json]) -> Preview:
    """Keep an answer, encrypted, until its person has decided, at most fifteen minutes."""
    now, index = wallet.clock.now(), wallet.subject_index(ask.subject)
    held = json.dumps({"as_of": record.as_of, "data": dict(data), "access": vars(access) | {"fields": list(access.fields)}})
    row = Preview(txn=UUID(access.txn), client_id=access.client_id, request_id=ask.request_id, subject_index=index, org_id=access.org_id)
    row.dataset_id, row.dataset_version = passed.matter.dataset.dataset_id, passed.matter.dataset.version
    row.consent_id, row.agreement_id = passed.consent.consent_id if passed.consent else None, passed.agreement.agreement_id
    row.state, row.created_at, row.expires_at = PreviewState.OPEN, now, now + timedelta(minutes=MINUTES)
    row.held = wallet.cipher.encrypt(held, scope=wallet.subject_scope(index))
    with wallet.transaction() as tx:
        before = find_preview(tx.session, row.client_id, row.request_id)
        if before is not None:
            tx.session.delete(before)
            tx.session.flush()
        tx.session.add(row)
    return row


def look(wallet: Wallet, client_id: str, request_id: str) -> Preview | None:
    """Return a client's preview with its state judged against the clock."""
    with wallet.reading() as tx:
        row = find_preview(tx.session, client_id, request_id)
        if row is not None:
            tx.session.expunge(row)
            if row.held is not None and wallet.clock.now() >= row.expires_at:
                row.state, row.held = PreviewState.GONE, None
        return row


def take(wallet: Wallet, client_id: str, request_id: str) -> Record | None:
    """Return what the person let go, once; it is destroyed here.  None when it is not there to be taken."""
    with wallet.transaction() as tx:
        row = find_preview(tx.session, client_id, request_id)
        if row is None or row.state != PreviewState.APPROVED or row.held is None or wallet.clock.now() >= row.expires_at:
            return None
        held = json.loads(wallet.cipher.decrypt(row.held, scope=wallet.subject_scope(row.subject_index)))
        legal(PREVIEW_STATES, PreviewState(row.state), PreviewState.TAKEN)
        row.state, row.held = PreviewState.TAKEN, None
    return Record(as_of=held["as_of"], values=held["data"])


def waiting_previews(wallet: Wallet, presence: Presence, *, lang: str) -> list[PreviewPage]:
    """Return the previews that wait for a person."""
    with wallet.reading() as tx:
        rows = open_previews(tx.session, wallet.subject_index(presence.subject), wallet.clock.now())
        txns = [row.txn for row in rows if presence.covers(row.dataset_id, None, None)]
    return [show_preview(wallet, presence, txn, lang=lang) for txn in txns]


def show_preview(wallet: Wallet, presence: Presence, txn: UUID, *, lang: str) -> PreviewPage:
    """Return a preview to its person, with the values while they are there.  Raises: PreviewNotFound."""
    now = wallet.clock.now()
    with wallet.reading() as tx:
        row = _own(wallet, presence, tx.session.get(Preview, txn))
        names = organisation_names(tx.session, {row.org_id})
        dataset = find_dataset(tx.session, row.dataset_id, row.dataset_version)
        is_there = row.held is not None and now < row.expires_at
        held = json.loads(wallet.cipher.decrypt(row.held, scope=wallet.subject_scope(row.subject_index))) if row.held and is_there else {}
        listed = dataset.listed() if dataset else {}
        rows = tuple(
            (in_language(listed[name].title, lang) if name in listed else name, value) for name, value in held.get("data", {}).items()
        )
        title = in_language(dataset.title, lang) if dataset else row.dataset_id
        state = row.state if is_there or row.held is None else PreviewState.GONE
        return PreviewPage(txn, names.get(row.org_id, row.org_id), title, state, row.expires_at, rows)


def decide_preview(wallet: Wallet, presence: Presence, txn: UUID, *, send: bool) -> None:
    """Let the data go on, or not; what is declined is destroyed at once.  Raises: PreviewNotFound, IllegalTransition."""
    target = PreviewState.APPROVED if send else PreviewState.DECLINED
    presence.require(Power.GRANT if send else Power.REFUSE)
    with wallet.transaction() as tx:
        hold_power(wallet, tx.session, presence)
        row = _own(wallet, presence, tx.session.get(Preview, txn, with_for_update=True))
        present = PreviewState.GONE if row.held is not None and wallet.clock.now() >= row.expires_at else PreviewState(row.state)
        legal(PREVIEW_STATES, present, target)
        if not send and row.held is not None:
            held = json.loads(wallet.cipher.decrypt(row.held, scope=wallet.subject_scope(row.subject_index)))
            write_entry(tx, Access(**{**held["access"], "fields": tuple(held["access"]["fields"])}), Outcome.PREVIEW_DECLINED)
            row.held = None
        row.state = target


def _own(wallet: Wallet, presence: Presence, row: Preview | None) -> Preview:
    if row is None or row.subject_index != wallet.subject_index(presence.subject) or not presence.covers(row.dataset_id, None, None):
        raise PreviewNotFound(gettext_noop("You have no data to look at with this number."))
    return row


def forget_previews(wallet: Wallet) -> int:
    """Destroy what nobody took in time; return how many.  Nothing depends on it: the clock alone makes them gone."""
    with wallet.transaction() as tx:
        statement = select(Preview).where(Preview.held.is_not(None), Preview.expires_at <= wallet.clock.now()).limit(GONE_BATCH)
        rows = tx.session.scalars(statement.with_for_update(skip_locked=True)).all()
        for row in rows:
            legal(PREVIEW_STATES, PreviewState(row.state), PreviewState.GONE)
            row.state, row.held = PreviewState.GONE, None
        return tx.forgot(Preview.__tablename__, len(rows))
