"""A bulk transfer: the data of more than a hundred people in one call, under an agreement that allows it, logged as one row.

Each person is judged by the rules of her road as if she were asked about alone; what is one is the log's row, which has the
criteria, the counts, and a place for each of the people.  Order as in `exchange.py`: attempt, commit → fetches → judged again and
the row, commit → answer.  Spec: wallet contract §8.3 X5, X7, §9, §10.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.problems import InvalidRequest, Problem
from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.errors import ConsentRequired, IdConflict, InvalidExchange, LogUnavailable, ProviderTimeout, ScopeExceeded
from wallet.events import Outcome
from wallet.models.agreement import Agreement
from wallet.models.bulk import BULK_STATES, Bulk, BulkState
from wallet.models.dataset import find_dataset
from wallet.models.exchange import EXCHANGE_STATES, Exchange, ExchangeState
from wallet.operations import coverage, gate
from wallet.operations.batches import SECONDS_MAX
from wallet.operations.bulk_outcomes import Begun, BulkAsk, Fetched, Transfer, finish, lock_consents, own_exchanges
from wallet.operations.callers import Body, known_body
from wallet.operations.exchange import SEALED_SCOPE, log_or_nothing, with_txn
from wallet.operations.fetches import Values, fetch_data, order_of
from wallet.operations.gate import REPEAT_SECONDS, Passed
from wallet.operations.known import Known
from wallet.operations.log_entries import Access, log_access, write_bulk_attempt, write_bulk_entry
from wallet.operations.moves import legal
from wallet.operations.rule_runs import FETCH, keep_refusal, keep_report
from wallet.providers.base import Record, RegisterLater


def transfer(wallet: Wallet, client_id: str, ask: BulkAsk) -> Transfer:
    """Fetch fields of many people for a body that may have them.

    Raises: the refusals of §8.2 that concern all of them, each with the `txn` under which it stands in the log.
    """
    begun = _begin(wallet, client_id, ask)
    return finish(wallet, ask, begun, _fetch(wallet, ask, begun))


# --- before the fetches ---------------------------------------------------------------------------------------------------


def _begin(wallet: Wallet, client_id: str, ask: BulkAsk) -> Begun:
    """Judge and write the attempt in one transaction; a refusal of the whole is written in one of its own."""
    txn = wallet.ids.uuid4()
    with log_or_nothing(), wallet.reading() as tx:
        body = known_body(Known(wallet, tx.session), client_id, "consumer")
    try:
        return _attempt(wallet, body, ask, txn)
    except (IdConflict, LogUnavailable):
        raise
    except Problem as problem:
        _write_refusal(wallet, body, ask, txn, problem)
        raise with_txn(problem, txn) from None


def _attempt(wallet: Wallet, body: Body, ask: BulkAsk, txn: UUID) -> Begun:
    """Judge, and commit the attempt.  Raises: the refusals of §8.2, IdConflict, LogUnavailable."""
    with log_or_nothing(), wallet.transaction() as tx:
        bulk = _own_row(wallet, tx, body, ask, txn)
        known, first = Known(wallet, tx.session), ask.first
        matter = coverage.find_matter(known, first.dataset_id, first.fields, first.purpose_id)
        agreement = coverage.bulk_agreement(
            known, matter, body.organisation.org_id, first.procedure_code, now=wallet.clock.now(), agreement_id=first.agreement_id
        )
        if not ask.criteria:
            raise InvalidExchange("Say how these people were chosen.", errors={"criteria": ["Needed for more than 100 people."]})
        mine = own_exchanges(wallet, tx.session, body, ask)
        judged = _judge_each(wallet, tx.session, body, ask, matter=matter, agreement=agreement, mine=mine)
        numbers = _write_exchanges(wallet, tx, body, ask, agreement=agreement, judged=judged, mine=mine)
        passed = next((one for one in judged.values() if isinstance(one, Passed)), Passed(matter, agreement, None))
        keep_report(tx, wallet.clock, agreement, passed.verdict, FETCH)
        access = _access(body, ask, bulk.txn, passed)
        bulk.sealed = wallet.cipher.encrypt(json.dumps(_sealed(access, ask)), scope=SEALED_SCOPE)
        tx.session.flush()
        write_bulk_attempt(tx, access, ask.criteria, len(ask.items))
        return Begun(body, bulk.txn, access, judged, numbers)


def _own_row(wallet: Wallet, tx: Transaction, body: Body, ask: BulkAsk, txn: UUID) -> Bulk:
    """Return the transfer's row, locked: a new one, or that of the same request made before.  Raises: IdConflict."""
    now, client_id = wallet.clock.now(), body.client.client_id
    values = {"client_id": client_id, "request_id": ask.request_id, "txn": txn, "body_sha256": ask.body_sha256}
    values |= {"state": BulkState.ATTEMPT, "attempted_at": now, "created_at": now, "sealed": None}
    is_new = bool(tx.connection.execute(insert(Bulk).values(values).on_conflict_do_nothing()).rowcount)
    mine = select(Bulk).where(Bulk.client_id == client_id, Bulk.request_id == ask.request_id)
    row = tx.session.scalars(mine.with_for_update()).one()
    if is_new:
        return row
    if now < row.created_at + timedelta(seconds=REPEAT_SECONDS):
        if row.body_sha256 != ask.body_sha256:
            raise IdConflict("Choose a new request_id for a new request.")
    else:
        row.txn, row.created_at, row.body_sha256 = txn, now, ask.body_sha256
    if row.state != BulkState.ATTEMPT:
        legal(BULK_STATES, BulkState(row.state), BulkState.ATTEMPT)
    row.state, row.attempted_at = BulkState.ATTEMPT, now
    return row


def _judge_each(
    wallet: Wallet,
    session: Session,
    body: Body,
    ask: BulkAsk,
    *,
    matter: coverage.Matter,
    agreement: Agreement,
    mine: Mapping[str, Exchange],
) -> dict[int, Passed | Problem]:
    """Judge everybody by her own road: by law all at once, else each by her consent.  Raises: what refuses all."""
    if ask.first.by_law:
        try:
            passed = gate.judge_person(wallet, session, body, ask.first, matter, mine=None, is_bulk=True)
        except ConsentRequired:
            raise ConsentRequired("The law does not let these data move: ask each person.") from None  # a hint would name one of them
        return dict.fromkeys(range(len(ask.items)), passed)
    coverage.check_subject(matter, ask.first.scheme)
    lock_consents(session, [item.ask.consent_id for item in ask.items if item.ask.consent_id])
    judged: dict[int, Passed | Problem] = {}
    for place, item in enumerate(ask.items):
        try:
            one = gate.judge_person(wallet, session, body, item.ask, matter, mine=mine.get(item.ask.request_id), is_bulk=True)
            if one.agreement.agreement_id != agreement.agreement_id:
                raise ScopeExceeded("The person said yes under another agreement.")
            judged[place] = one
        except Problem as problem:
            judged[place] = problem
    return judged


def _write_exchanges(
    wallet: Wallet,
    tx: Transaction,
    body: Body,
    ask: BulkAsk,
    *,
    agreement: Agreement,
    judged: Mapping[int, Passed | Problem],
    mine: Mapping[str, Exchange],
) -> dict[int, UUID]:
    """Leave a row for everybody whose data may move, by which uses and volume are counted; return their numbers by place."""
    now = wallet.clock.now()
    passed = {place: one for place, one in judged.items() if isinstance(one, Passed)}
    again = {place for place in passed if (row := mine.get(ask.items[place].ask.request_id)) and gate.is_repeat(row, now)}
    gate.check_volume(tx.session, agreement, now, begins=len(passed) - len(again))
    numbers: dict[int, UUID] = {}
    for place, one in passed.items():
        item = ask.items[place].ask
        row = mine.get(item.request_id)
        if row is None:
            row = Exchange(client_id=body.client.client_id, request_id=item.request_id, counted=False, runs=0, state=ExchangeState.ATTEMPT)
            tx.session.add(row)
        elif row.state != ExchangeState.ATTEMPT:
            legal(EXCHANGE_STATES, ExchangeState(row.state), ExchangeState.ATTEMPT)
        if place not in again:
            row.txn, row.created_at, row.counted = wallet.ids.uuid4(), now, False
        row.body_sha256, row.agreement_id = item.body_sha256, agreement.agreement_id
        row.consent_id = one.consent.consent_id if one.consent else None
        row.state, row.attempted_at, row.runs = ExchangeState.ATTEMPT, now, row.runs + 1
        numbers[place] = row.txn
    return numbers


def _access(body: Body, ask: BulkAsk, txn: UUID, passed: Passed | None) -> Access:
    """Return what the rows say of all: no person, no consent and no case."""
    everybody = replace(ask.first, consent_id=None, case_id=None)
    return replace(log_access(body, everybody, txn, passed.matter if passed else None, passed), subject=None)


def _sealed(access: Access, ask: BulkAsk) -> dict[str, object]:
    """Return what the row of an interrupted attempt needs."""
    return {"access": asdict(access), "criteria": dict(ask.criteria), "people": [item.ask.subject for item in ask.items]}


def _write_refusal(wallet: Wallet, body: Body, ask: BulkAsk, txn: UUID, problem: Problem) -> None:
    """Put a transfer that was refused whole in the log, where each person sees who tried.  Raises: LogUnavailable."""
    outcome = Outcome.REJECTED if isinstance(problem, InvalidRequest) else Outcome.DENIED
    access = _access(body, ask, txn, None)
    with log_or_nothing(), wallet.transaction() as tx:
        dataset = find_dataset(tx.session, ask.first.dataset_id)
        if dataset is not None:
            access = replace(access, source_org_id=dataset.org_id, dataset_version=dataset.version)
        people = [(item.ask.subject, outcome) for item in ask.items]
        write_bulk_entry(wallet, tx, access, outcome, criteria=ask.criteria, people=people, reason=problem.slug)
        keep_refusal(tx, wallet.clock, problem, FETCH)


# --- the fetches ----------------------------------------------------------------------------------------------------------


def _fetch(wallet: Wallet, ask: BulkAsk, begun: Begun) -> Fetched:
    """Ask the register for everybody whose data may move, one after the other, while there is time."""
    until = wallet.clock.now() + timedelta(seconds=SECONDS_MAX)
    found: dict[int, tuple[Record, Values | None] | Problem] = {}
    for place, passed in begun.judged.items():
        if not isinstance(passed, Passed):
            continue
        if wallet.clock.now() >= until:
            break
        order = order_of(wallet, passed, ask.items[place].ask, begun.body, begun.numbers[place])
        try:
            found[place] = fetch_data(wallet, order, passed)
        except RegisterLater:
            found[place] = ProviderTimeout("It answers this later. Ask about this person in a call of her own.")
        except Problem as problem:
            found[place] = problem
    return found
