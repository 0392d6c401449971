"""What comes of a bulk transfer: everybody judged again, the uses counted, and the one row of the log.  Spec: §8.3 X5, X7, §10."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.problems import Problem
from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.errors import AgreementInactive, ConsentMismatch, IdConflict
from wallet.events import Outcome
from wallet.models.agreement import current_agreement
from wallet.models.bulk import BULK_STATES, Bulk, BulkState
from wallet.models.consent import Consent
from wallet.models.exchange import EXCHANGE_STATES, Exchange, ExchangeState
from wallet.operations import coverage, gate
from wallet.operations.batches import Item, Result
from wallet.operations.callers import Body
from wallet.operations.consent_moves import Actor, count_use
from wallet.operations.exchange import SEALED_SCOPE, log_or_nothing
from wallet.operations.fetches import Values, answer_of
from wallet.operations.gate import ATTEMPT_SECONDS, ExchangeAsk, Passed
from wallet.operations.log_entries import Access, write_bulk_entry
from wallet.operations.moves import legal
from wallet.providers.base import Record

CLOSE_BATCH = 5
Fetched = Mapping[int, tuple[Record, Values | None] | Problem]
"""What came of each fetch, by the person's place; who is missing was not begun in time."""


@dataclass(frozen=True, kw_only=True)
class BulkAsk:
    """One call about many people, in its order; `criteria` says in each language how they were chosen, empty where it does not."""

    request_id: str
    items: Sequence[Item]
    criteria: Mapping[str, str]
    body_sha256: str

    @property
    def first(self) -> ExchangeAsk:
        """What is asked of all: dataset, fields, purpose, road, official."""
        return self.items[0].ask


@dataclass(frozen=True)
class Transfer:
    """What came of a bulk transfer: its number and row in the log, and each person's own result."""

    txn: UUID
    log_entry_id: str
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Begun:
    """An attempt that is in the log; `judged` has a refusal where a person's data may not move."""

    body: Body
    txn: UUID
    access: Access
    judged: Mapping[int, Passed | Problem]
    numbers: Mapping[int, UUID]
    """The `txn` of each person's own exchange, by which a provider can tell the fetches apart."""


def own_exchanges(wallet: Wallet, session: Session, body: Body, ask: BulkAsk) -> dict[str, Exchange]:
    """Return the rows of the same people's exchanges made before, locked, by request id.  Raises: IdConflict."""
    hashes = {item.ask.request_id: item.ask.body_sha256 for item in ask.items}
    statement = select(Exchange).where(Exchange.client_id == body.client.client_id, Exchange.request_id.in_(list(hashes)))
    found = {row.request_id: row for row in session.scalars(statement.order_by(Exchange.request_id).with_for_update())}
    if any(gate.is_repeat(row, wallet.clock.now()) and row.body_sha256 != hashes[row.request_id] for row in found.values()):
        raise IdConflict("Choose a new request_id for a new request.")
    return found


def lock_consents(session: Session, consent_ids: Sequence[UUID]) -> dict[UUID, Consent]:
    """Lock consents in one order, whoever asks: two transfers wait for one another and not both for ever."""
    statement = select(Consent).where(Consent.consent_id.in_(consent_ids)).order_by(Consent.consent_id).with_for_update()
    return {row.consent_id: row for row in session.scalars(statement.execution_options(populate_existing=True))}


def finish(wallet: Wallet, ask: BulkAsk, begun: Begun, fetched: Fetched) -> Transfer:
    """Judge everybody again, count the uses, write the one row, and return what may leave.

    What was withdrawn while the register answered is not released (S3).  Raises: LogUnavailable.
    """
    with log_or_nothing(), wallet.transaction() as tx:
        rows = own_exchanges(wallet, tx.session, begun.body, ask)
        refused = dict(_refused_again(wallet, tx.session, begun, fetched, rows=rows, ask=ask))
        outcomes = [_outcome(fetched.get(place), place in refused, begun.judged[place]) for place in range(len(ask.items))]
        _settle(wallet, tx, ask, begun, outcomes=outcomes, rows=rows)
        people = [(item.ask.subject, outcome) for item, outcome in zip(ask.items, outcomes, strict=True)]
        entry_id = write_bulk_entry(wallet, tx, begun.access, Outcome.BULK, criteria=ask.criteria, people=people)
        _close(tx.session, begun)
    results = [
        _result(
            wallet,
            ask.items[place],
            begun,
            fetched.get(place),
            judged=refused.get(place) or begun.judged[place],
            entry_id=entry_id,
        )
        for place in range(len(ask.items))
    ]
    return Transfer(begun.txn, entry_id, tuple(results))


def _refused_again(
    wallet: Wallet, session: Session, begun: Begun, fetched: Fetched, *, rows: Mapping[str, Exchange], ask: BulkAsk
) -> dict[int, Problem]:
    """Look once more at what may have ended during the fetches: the agreement for all, the consent for each."""
    now, found = wallet.clock.now(), dict[int, Problem]()
    answered = [place for place, one in fetched.items() if not isinstance(one, Problem)]
    agreement_id = begun.access.basis.get("agreement_id", "")
    agreement = current_agreement(session, agreement_id)
    if agreement is None or not agreement.is_active(now) or not coverage.allows_bulk(agreement):
        lost = AgreementInactive("The agreement that covers this is no longer in force.")
        return dict.fromkeys(answered, lost)
    held = {place: one.consent.consent_id for place in answered if isinstance(one := begun.judged[place], Passed) and one.consent}
    consents = lock_consents(session, list(held.values()))
    for place, consent_id in held.items():
        consent, mine = consents.get(consent_id), rows.get(ask.items[place].ask.request_id)
        try:
            if consent is None:
                raise ConsentMismatch("No consent with this number fits this body and this person.")
            gate.refuse_unless_active(consent, now, counted=gate.is_counted(mine, now))
        except Problem as problem:
            found[place] = problem
    return found


def _outcome(fetched: tuple[Record, Values | None] | Problem | None, is_refused: bool, judged: Passed | Problem) -> Outcome:
    """Return what came of one person's part, as the log says it."""
    if is_refused or isinstance(judged, Problem):
        return Outcome.DENIED
    if fetched is None or isinstance(fetched, Problem):
        return Outcome.FAILED
    return Outcome.NO_RECORD if fetched[1] is None else Outcome.RELEASED


def _settle(
    wallet: Wallet, tx: Transaction, ask: BulkAsk, begun: Begun, *, outcomes: Sequence[Outcome], rows: Mapping[str, Exchange]
) -> None:
    """Move each person's exchange, and count each release of a consent."""
    now, actor = wallet.clock.now(), Actor(kind="recipient", id=begun.body.actor)
    for place, outcome in enumerate(outcomes):
        row, judged = rows.get(ask.items[place].ask.request_id), begun.judged[place]
        if row is None or row.txn != begun.numbers.get(place):
            continue
        is_counted = gate.is_counted(row, now)
        if row.state == ExchangeState.ATTEMPT:  # a repeat at the same time may have moved it already
            legal(EXCHANGE_STATES, ExchangeState.ATTEMPT, ExchangeState(outcome))
            row.state = ExchangeState(outcome)
        if outcome is Outcome.RELEASED and isinstance(judged, Passed) and judged.consent is not None and not is_counted:
            consent = tx.session.get_one(Consent, judged.consent.consent_id)
            count_use(wallet, tx, consent, actor=actor, subject=ask.items[place].ask.subject)
            row.counted = True


def _close(session: Session, begun: Begun) -> None:
    """Move the transfer itself; a repeat at the same time may have moved it already."""
    row = session.scalars(select(Bulk).where(Bulk.txn == begun.txn).with_for_update()).one_or_none()
    if row is not None and row.state == BulkState.ATTEMPT:
        legal(BULK_STATES, BulkState.ATTEMPT, BulkState.DONE)
        row.state, row.sealed = BulkState.DONE, None


def _result(
    wallet: Wallet,
    item: Item,
    begun: Begun,
    fetched: tuple[Record, Values | None] | Problem | None,
    *,
    judged: Passed | Problem,
    entry_id: str,
) -> Result:
    """Return one person's result; neither an answer nor a problem where the time was over."""
    if isinstance(judged, Problem):
        return Result(item.ask, problem=judged)
    if fetched is None or isinstance(fetched, Problem):
        return Result(item.ask, problem=fetched)
    record, data = fetched
    return Result(item.ask, answer=answer_of(wallet, judged, record, data, txn=begun.txn, entry_id=entry_id, request=item.body))


def close_interrupted_bulks(wallet: Wallet) -> int:
    """Write the row of transfers whose process died: failed for everybody, nothing was released.  Return how many."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        statement = select(Bulk).where(Bulk.state == BulkState.ATTEMPT)
        statement = statement.where(Bulk.attempted_at < now - timedelta(seconds=2 * ATTEMPT_SECONDS)).limit(CLOSE_BATCH)
        found = tx.session.scalars(statement.with_for_update(skip_locked=True)).all()
        for row in found:
            legal(BULK_STATES, BulkState(row.state), BulkState.FAILED)
            if row.sealed is not None:
                kept = json.loads(wallet.cipher.decrypt(row.sealed, scope=SEALED_SCOPE))
                access = Access(**{**kept["access"], "fields": tuple(kept["access"]["fields"])})
                people = [(subject, Outcome.FAILED) for subject in kept["people"]]
                write_bulk_entry(wallet, tx, access, Outcome.FAILED, criteria=kept["criteria"], people=people, reason="interrupted")
            row.state, row.sealed = BulkState.FAILED, None
        return len(found)
