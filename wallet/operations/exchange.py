"""One exchange through the gate: judged, logged, fetched, logged again, answered; nothing of the data is kept.

The order is the contract's: authenticate and parse (route) → agreement → basis → fields → limits → attempt row, commit → token →
provider → schema, drop → outcome row, commit → answer.  Where the log cannot be written nothing is released.
Spec: wallet contract §8.1, §8.2, S3, X7.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.problems import InvalidRequest, Problem
from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.errors import (
    AgreementInactive,
    ConsentMismatch,
    IdConflict,
    InvalidExchange,
    LogUnavailable,
    PreviewDeclined,
    PreviewGone,
    ProviderError,
    ProviderSchema,
    ProviderTimeout,
)
from wallet.events import Outcome
from wallet.models.consent import find_consent
from wallet.models.dataset import find_dataset
from wallet.models.exchange import EXCHANGE_STATES, Exchange, ExchangeState
from wallet.models.preview import Preview, PreviewState
from wallet.operations import coverage, gate, previews
from wallet.operations.callers import Body, known_body
from wallet.operations.consent_moves import Actor, count_use
from wallet.operations.fetches import Answer, answer_of, fetch_data, order_of
from wallet.operations.gate import ExchangeAsk, Passed
from wallet.operations.known import Known
from wallet.operations.log_entries import Access, log_access, write_entry
from wallet.operations.moves import legal
from wallet.operations.rule_runs import FETCH, keep_refusal, keep_report
from wallet.operations.visibility import hide
from wallet.providers.base import Order, Record, RegisterLater
from wallet.standards import questions
from wallet.standards.canonical import Json

_IS_KNOWN = text("SELECT 1 FROM exchanges WHERE client_id = :client_id AND request_id = :request_id")
_BEGIN = text("""
INSERT INTO exchanges
    (client_id, request_id, txn, body_sha256, agreement_id, consent_id, state, counted, runs, attempted_at, created_at, sealed)
VALUES (:client_id, :request_id, :txn, :body_sha256, :agreement_id, :consent_id, :state, false, 1, :attempted_at, :created_at, :sealed)
ON CONFLICT DO NOTHING
""")
_END = text("""
UPDATE exchanges SET state = :state, sealed = NULL, counted = counted OR :counts
WHERE client_id = :client_id AND request_id = :request_id AND txn = :txn AND state = 'attempt'
""")
_LEAVE = text("""
UPDATE exchanges SET state = 'waiting' WHERE client_id = :client_id AND request_id = :request_id AND txn = :txn AND state = 'attempt'
""")
_IN_FORCE = text("""
SELECT 1 FROM agreements WHERE agreement_id = :agreement_id AND state = 'active' AND valid_from <= :now AND valid_until > :now
""")
SEALED_SCOPE = "service:wallet:exchange"


@dataclass(frozen=True)
class _Begun:
    """An attempt that is in the log."""

    passed: Passed
    access: Access
    txn: UUID
    order: Order


def exchange(wallet: Wallet, client_id: str, ask: ExchangeAsk, request: Json) -> Answer:
    """Fetch fields of one person for a body that may have them.  `request` is the body as it came, for the evidence.

    Raises: the refusals of §8.2, each with the `txn` under which it stands in the log; WaitsForPerson while she looks at a preview;
    ComesLater where the register takes its time.
    """
    approved = _approved(wallet, client_id, ask) if ask.preview else None
    begun = _begin(wallet, client_id, ask)
    try:
        record, data = fetch_data(wallet, begun.order, begun.passed, approved)
    except RegisterLater as later:
        _wait(wallet, ask, begun)
        raise ComesLater(begun.txn, later.retry_after_seconds) from None
    except (ProviderError, ProviderTimeout, ProviderSchema) as problem:
        _settle(wallet, ask, begun, ExchangeState.FAILED, reason=problem.slug)
        raise with_txn(problem, begun.txn) from None
    if ask.preview and approved is None and data is not None:
        _settle(wallet, ask, begun, ExchangeState.PREVIEWED)
        raise WaitsForPerson(previews.hold(wallet, begun.passed, ask, access=begun.access, record=record, data=data))
    state = ExchangeState.NO_RECORD if data is None else ExchangeState.RELEASED
    entry_id = _settle(wallet, ask, begun, state)
    result = questions.answer(ask.question, data) if ask.question else None
    return answer_of(wallet, begun.passed, record, data, result=result, txn=begun.txn, entry_id=entry_id, request=request)


class WaitsForPerson(Exception):
    """The person looks at the data first; the caller repeats the same request when she has decided (X3)."""

    def __init__(self, preview: Preview) -> None:
        super().__init__(str(preview.txn))
        self.preview = preview


class ComesLater(Exception):
    """The register answers later; the caller repeats the same request after some seconds."""

    def __init__(self, txn: UUID, retry_after_seconds: int) -> None:
        super().__init__(str(txn))
        self.txn, self.retry_after_seconds = txn, retry_after_seconds


def waiting_txn(wallet: Wallet, client_id: str, request_id: str) -> UUID | None:
    """Return under which number a client's request waits for its register; None where it does not."""
    with wallet.reading() as tx:
        row = tx.session.get(Exchange, (client_id, request_id))
        return row.txn if row is not None and row.state == ExchangeState.WAITING else None


def _approved(wallet: Wallet, client_id: str, ask: ExchangeAsk) -> Record | None:
    """Return what the person let go of the same request, or None where she was not asked yet.

    Raises: WaitsForPerson, PreviewDeclined, PreviewGone.
    """
    preview = previews.look(wallet, client_id, ask.request_id)
    if preview is None:
        return None
    if preview.state == PreviewState.OPEN:
        raise WaitsForPerson(preview)
    if preview.state == PreviewState.DECLINED:
        raise with_txn(PreviewDeclined("Take the document from the person instead."), preview.txn)
    if preview.state != PreviewState.APPROVED:
        raise with_txn(PreviewGone("Begin anew with a new request_id."), preview.txn)
    return previews.take(wallet, client_id, ask.request_id)


class _SameTime(Exception):
    """The same request came twice at once, and the other's row was first."""


# --- before the fetch -----------------------------------------------------------------------------------------------------


def _begin(wallet: Wallet, client_id: str, ask: ExchangeAsk) -> _Begun:
    """Judge and write the attempt in one transaction; a refusal is written in one of its own."""
    txn = wallet.ids.uuid4()
    with log_or_nothing(), wallet.reading() as tx:
        body = known_body(Known(wallet, tx.session), client_id, "consumer")
    try:
        try:
            return _attempt(wallet, body, ask, txn)
        except _SameTime:
            return _attempt(wallet, body, ask, txn)  # now the other's row is there to be found
    except (IdConflict, LogUnavailable):
        raise  # not in the log: the one is about the id and not about the person, the other cannot be
    except Problem as problem:
        _write_refusal(wallet, body, ask, txn, problem)
        raise with_txn(problem, txn) from None


def _attempt(wallet: Wallet, body: Body, ask: ExchangeAsk, txn: UUID) -> _Begun:
    """Judge, and commit the attempt.  Raises: the refusals of §8.2, IdConflict, LogUnavailable, _SameTime."""
    now, client_id = wallet.clock.now(), body.client.client_id
    with log_or_nothing(), wallet.transaction() as tx:
        mine = _mine(tx.session, client_id, ask, now)
        txn = mine.txn if mine and gate.is_repeat(mine, now) else txn
        matter = coverage.find_matter(Known(wallet, tx.session), ask.dataset_id, ask.fields, ask.purpose_id)
        passed = gate.judge(wallet, tx.session, body, ask, matter, mine=mine)
        _check_question(ask, matter)
        access = log_access(body, ask, txn, matter, passed)
        _write_attempt(wallet, tx, ask, access, passed=passed, mine=mine)
        if ask.visibility is not None:
            hide(tx, txn, access.org_id, ask.visibility, now)
        keep_report(tx, wallet.clock, passed.agreement, passed.verdict, FETCH)
        write_entry(tx, access, Outcome.ATTEMPT)
    return _Begun(passed, access, txn, order_of(wallet, passed, ask, body, txn))


def _check_question(ask: ExchangeAsk, matter: coverage.Matter) -> None:
    if ask.question is None:
        return
    try:
        questions.check(ask.question, matter.fields[ask.question.field].kind)
    except questions.NoSuchQuestion:
        errors = {"query": ["Ask `equals` with a value of the field's kind; of numbers and dates also `at_least` and `at_most`."]}
        raise InvalidExchange("This question does not fit the field.", errors=errors) from None


def _mine(session: Session, client_id: str, ask: ExchangeAsk, now: datetime) -> Exchange | None:
    """Return the row of the same request made before, locked.  Raises: IdConflict."""
    if session.connection().execute(_IS_KNOWN, {"client_id": client_id, "request_id": ask.request_id}).scalar() is None:
        return None
    statement = select(Exchange).where(Exchange.client_id == client_id, Exchange.request_id == ask.request_id).with_for_update()
    mine = session.scalars(statement).one_or_none()
    if mine is not None and gate.is_repeat(mine, now) and mine.body_sha256 != ask.body_sha256:
        raise IdConflict("Choose a new request_id for a new request.")
    return mine


def _write_attempt(wallet: Wallet, tx: Transaction, ask: ExchangeAsk, access: Access, *, passed: Passed, mine: Exchange | None) -> None:
    """Leave the row by which this attempt is counted, repeated, and closed should this process die."""
    now = wallet.clock.now()
    sealed = wallet.cipher.encrypt(json.dumps(asdict(access)), scope=SEALED_SCOPE)
    begun = {"body_sha256": ask.body_sha256, "agreement_id": passed.agreement.agreement_id, "sealed": sealed, "attempted_at": now}
    begun |= {"state": ExchangeState.ATTEMPT, "txn": UUID(access.txn), "consent_id": passed.consent.consent_id if passed.consent else None}
    if mine is None:
        row = {**begun, "client_id": access.client_id, "request_id": ask.request_id, "created_at": now}
        if tx.connection.execute(_BEGIN, row).rowcount:
            return
        raise _SameTime
    if mine.state != ExchangeState.ATTEMPT:
        legal(EXCHANGE_STATES, ExchangeState(mine.state), ExchangeState.ATTEMPT)
    if not gate.is_repeat(mine, now):
        mine.created_at, mine.counted = now, False
    for name, value in begun.items():
        setattr(mine, name, value)
    mine.runs += 1
    tx.session.flush()


def _write_refusal(wallet: Wallet, body: Body, ask: ExchangeAsk, txn: UUID, problem: Problem) -> None:
    """Put a refused request in the log, where the person sees who tried.  Raises: LogUnavailable."""
    outcome = Outcome.REJECTED if isinstance(problem, InvalidRequest) else Outcome.DENIED
    with log_or_nothing(), wallet.transaction() as tx:
        dataset = find_dataset(tx.session, ask.dataset_id)
        access = log_access(body, ask, txn, None, None)
        if dataset is not None:
            access = replace(access, source_org_id=dataset.org_id, dataset_version=dataset.version)
        write_entry(tx, access, outcome, reason=problem.slug)
        keep_refusal(tx, wallet.clock, problem, FETCH)


# --- after the fetch ------------------------------------------------------------------------------------------------------


def _settle(wallet: Wallet, ask: ExchangeAsk, begun: _Begun, state: ExchangeState, *, reason: str | None = None) -> str:
    """Write the outcome, count the use, and return the entry's id.

    Agreement and consent are judged again: what was withdrawn while the provider answered is not released (S3).
    Raises: the refusal, LogUnavailable.
    """
    refusal: Problem | None = None
    counts = False
    with log_or_nothing(), wallet.transaction() as tx:
        try:
            if state in {ExchangeState.RELEASED, ExchangeState.NO_RECORD}:
                counts = _judge_again(wallet, tx, ask, begun, counts=state is ExchangeState.RELEASED)
        except Problem as problem:
            refusal, state, reason = problem, ExchangeState.DENIED, problem.slug
        legal(EXCHANGE_STATES, ExchangeState.ATTEMPT, state)
        key = {"client_id": begun.access.client_id, "request_id": ask.request_id, "txn": begun.txn}
        tx.connection.execute(_END, {**key, "state": state, "counts": counts})  # a repeat at the same time may have moved it already
        entry_id = write_entry(tx, begun.access, Outcome(state), reason=reason)
    if refusal is not None:
        raise with_txn(refusal, begun.txn)
    return entry_id


def _wait(wallet: Wallet, ask: ExchangeAsk, begun: _Begun) -> None:
    """Leave the attempt open for the same request to come again; the log has its attempt and no outcome yet.  Raises: LogUnavailable."""
    legal(EXCHANGE_STATES, ExchangeState.ATTEMPT, ExchangeState.WAITING)
    with log_or_nothing(), wallet.transaction() as tx:
        key = {"client_id": begun.access.client_id, "request_id": ask.request_id, "txn": begun.txn}
        tx.connection.execute(_LEAVE, key)  # a repeat at the same time may have moved it already


def _judge_again(wallet: Wallet, tx: Transaction, ask: ExchangeAsk, begun: _Begun, *, counts: bool) -> bool:
    """Look once more at what may have ended during the fetch; count a release of a consent, and return whether it was."""
    now = wallet.clock.now()
    in_force = {"agreement_id": begun.passed.agreement.agreement_id, "now": now}
    if tx.connection.execute(_IN_FORCE, in_force).scalar() is None:
        raise AgreementInactive("The agreement that covers this is no longer in force.")
    if begun.passed.consent is None:
        return False
    # The exchange first and then the consent, as in the attempt: two orders would wait for one another.
    mine = tx.session.get(Exchange, (begun.access.client_id, ask.request_id), with_for_update=True)
    consent = find_consent(tx.session, begun.passed.consent.consent_id, lock=True)
    if consent is None:
        raise ConsentMismatch("No consent with this number fits this body and this person.")
    counted = gate.is_counted(mine, now)
    gate.refuse_unless_active(consent, now, counted=counted)
    if mine is None or not counts or counted:
        return False
    count_use(wallet, tx, consent, actor=Actor(kind="recipient", id=f"client:{mine.client_id}"), subject=ask.subject)
    return True


# --- both -----------------------------------------------------------------------------------------------------------------


@contextmanager
def log_or_nothing() -> Iterator[None]:
    """Turn a database that cannot be written into `log_unavailable`: nothing is released without its row."""
    try:
        yield
    except SQLAlchemyError as error:
        raise LogUnavailable("Nothing was released. Repeat with the same request_id.") from error


def with_txn(problem: Problem, txn: UUID) -> Problem:
    """Return a refusal that says under which number it stands in the log."""
    problem.extra = {**problem.extra, "instance": f"urn:uuid:{txn}", "txn": str(txn)}
    return problem
