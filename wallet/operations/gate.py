"""The gate's judgement: may this body have these fields of this person now?  Spec: wallet contract §8.1, §8.2, order as written there."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.orm import Session

from shared.problems import Problem
from wallet.context import Wallet
from wallet.errors import (
    ConsentExpired,
    ConsentMismatch,
    ConsentRefused,
    ConsentRequired,
    ConsentSuspended,
    ConsentWithdrawn,
    FrequencyExceeded,
    RateLimited,
    ScopeExceeded,
)
from wallet.models.agreement import Agreement
from wallet.models.consent import USED_UP, Consent, ConsentState, find_consent
from wallet.models.consent_request import ConsentRequest, ConsentRequestItem, RequestState
from wallet.models.exchange import Exchange, ExchangeState
from wallet.operations import coverage
from wallet.operations.callers import Body
from wallet.operations.coverage import Matter
from wallet.operations.known import Known
from wallet.operations.visibility import Visibility, check_visibility
from wallet.standards.canonical import Json
from wallet.standards.limits import Verdict
from wallet.standards.questions import QUERY, Question

# Not the count of all: at most as many as would be refused, however busy the agreement.
_BEGUN = text(
    "SELECT count(*) FROM (SELECT 1 FROM exchanges WHERE agreement_id = :agreement_id AND attempted_at > :since LIMIT :most) AS begun"
)
UNIT_SECONDS = {"hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400, "year": 365 * 86_400}
DAY_SECONDS = 86_400
READ = "read"
ATTEMPT_SECONDS = 60
"""How long an attempt without an outcome counts as under way; longer than any provider may take."""
REPEAT_SECONDS = 86_400
"""How long the same request runs under the same txn and counts one use (X7)."""
STATE_PROBLEMS: dict[str, type[Problem]] = {
    ConsentState.SUSPENDED: ConsentSuspended,
    ConsentState.WITHDRAWN: ConsentWithdrawn,
    ConsentState.REVOKED: ConsentWithdrawn,
    ConsentState.EXPIRED: ConsentExpired,
    ConsentState.SUPERSEDED: ConsentExpired,
    ConsentState.INVALIDATED: ConsentExpired,
}


@dataclass(frozen=True, kw_only=True)
class ExchangeAsk:
    """One request at the gate, read; `body_sha256` over the body as it came, `run` in its normal form."""

    request_id: str
    run: str
    dataset_id: str
    fields: tuple[str, ...]
    purpose_id: str
    by_law: bool
    consent_id: UUID | None
    law_reference: str | None
    agreement_id: str | None
    procedure_code: str | None
    case_id: str | None
    official_id: str | None
    official_unit: str | None
    body_sha256: str
    visibility: Visibility | None = None
    preview: bool = False
    scheme: str = "cl-run"
    question: Question | None = None
    action: str = READ
    """`query` where only yes or no is told: here by a question, at a provider by a token for that alone."""

    @property
    def subject(self) -> str:
        """The person or company, as the log names it."""
        return f"{self.scheme}:{self.run}"


@dataclass(frozen=True)
class Passed:
    """A judgement that data may move: by which agreement, and on the consent road by which consent (its row is locked).

    `verdict` says which limit is broken and only reported.
    """

    matter: Matter
    agreement: Agreement
    consent: Consent | None
    verdict: Verdict = Verdict()


def judge(wallet: Wallet, session: Session, body: Body, ask: ExchangeAsk, matter: Matter, *, mine: Exchange | None) -> Passed:
    """Return by what authority data may move; `mine` is the row of the same request made before.

    Raises: the refusals of §8.2.  A consent that is used is locked until the end of the transaction (S3).
    """
    now = wallet.clock.now()
    passed = judge_person(wallet, session, body, ask, matter, mine=mine)
    if mine is None or not is_repeat(mine, now):
        check_volume(session, passed.agreement, now)
    return passed


def judge_person(
    wallet: Wallet, session: Session, body: Body, ask: ExchangeAsk, matter: Matter, *, mine: Exchange | None, is_bulk: bool = False
) -> Passed:
    """Judge one person of a request by all but the volume, which counts for all of them.  Raises: the refusals of §8.2."""
    now = wallet.clock.now()
    coverage.check_subject(matter, ask.scheme)
    if ask.visibility is not None:
        check_visibility(session, body.organisation.org_id, ask.visibility, now)
    passed = (
        _by_law(Known(wallet, session), body, ask, matter, now)
        if ask.by_law
        else _by_consent(wallet, session, body, ask, matter, mine=mine, now=now)
    )
    mode, extent = (QUERY if ask.action == QUERY else "view"), coverage.NO_EXTENT
    if passed.consent is not None:
        mode, extent = passed.consent.mode, _extent(wallet, passed, passed.consent, mine)
    verdict = coverage.check_limits(passed.agreement, matter, mode=mode, extent=extent, at=now, is_bulk=is_bulk)
    if passed.consent is not None:
        _check_scope(wallet, ask, passed.consent)
        _check_frequency(session, passed.consent, now, mine)
    return replace(passed, verdict=verdict)


def refuse_unless_active(consent: Consent, now: datetime, *, counted: bool) -> None:
    """Raise the refusal for a consent that is not in force.

    A consent whose last use was this very request is still in force for its repeats (X7).
    """
    state = consent.state_at(now)
    if state == ConsentState.ACTIVE and consent.valid_from <= now:
        return
    is_my_last_use = counted and consent.state == ConsentState.EXPIRED and consent.state_reason == USED_UP and now < consent.valid_until
    if not is_my_last_use:
        raise STATE_PROBLEMS.get(state, ConsentExpired)("Ask the person again if the matter still needs it.")


def _by_law(known: Known, body: Body, ask: ExchangeAsk, matter: Matter, now: datetime) -> Passed:
    org_id = body.organisation.org_id
    code = ask.procedure_code or matter.purpose.procedure_code
    agreement = coverage.covering(known, matter, org_id, code, now=now, agreement_id=ask.agreement_id)[0]
    if coverage.asks_person(agreement, matter):
        _refuse_unasked(ask)
    return Passed(matter, agreement, None)


def _by_consent(
    wallet: Wallet, session: Session, body: Body, ask: ExchangeAsk, matter: Matter, *, mine: Exchange | None, now: datetime
) -> Passed:
    org_id = body.organisation.org_id
    code = ask.procedure_code or matter.purpose.procedure_code
    consent = find_consent(session, ask.consent_id, lock=True) if ask.consent_id else None
    fits = consent is not None and _fits(wallet, body, ask, consent)
    named = consent.agreement_id if consent is not None and fits else None
    agreement = coverage.covering(Known(wallet, session), matter, org_id, code, now=now, agreement_id=named)[0]
    if ask.consent_id is None:
        _refuse_without_consent(wallet, session, body, ask)
    if consent is None or not fits:
        raise ConsentMismatch("No consent with this number fits this body and this person.")
    refuse_unless_active(consent, now, counted=is_counted(mine, now))
    return Passed(matter, agreement, consent)


def _fits(wallet: Wallet, body: Body, ask: ExchangeAsk, consent: Consent) -> bool:
    """Same recipient and same person; the answer to anything else is that of an unknown consent."""
    return consent.client_id == body.client.client_id and consent.subject_index == wallet.subject_index(ask.subject)


def _check_scope(wallet: Wallet, ask: ExchangeAsk, consent: Consent) -> None:
    same_matter = (consent.dataset_id, consent.purpose_id) == (ask.dataset_id, ask.purpose_id)
    same_case = consent.case_index is None or ask.case_id is None or consent.case_index == wallet.case_index(ask.case_id)
    same_procedure = ask.procedure_code in {None, consent.procedure_code}
    if not same_matter or not same_case or not same_procedure:
        raise ScopeExceeded("The person granted another matter.")
    if consent.mode == QUERY and ask.action != QUERY:
        raise ScopeExceeded("The person granted only an answer of yes or no. Send a `query`.")
    wider = sorted(set(ask.fields) - set(consent.granted_fields))
    if wider:
        raise ScopeExceeded("The person did not grant these fields.", fields=wider)


def _refuse_without_consent(wallet: Wallet, session: Session, body: Body, ask: ExchangeAsk) -> NoReturn:
    """Say whether the person was asked and refused, or has not been asked."""
    statement = (
        select(ConsentRequestItem.state)
        .join(ConsentRequest, ConsentRequest.id == ConsentRequestItem.request)
        .where(
            ConsentRequest.client_id == body.client.client_id,
            ConsentRequest.subject_index == wallet.subject_index(ask.subject),
            ConsentRequestItem.dataset_id == ask.dataset_id,
            ConsentRequestItem.purpose_id == ask.purpose_id,
        )
    )
    newest = session.scalars(statement.order_by(ConsentRequest.created_at.desc()).limit(1)).one_or_none()
    if newest == RequestState.REFUSED:
        raise ConsentRefused("Take the document from the person instead.")
    _refuse_unasked(ask)


def _refuse_unasked(ask: ExchangeAsk) -> NoReturn:
    """Raise `consent_required` with what to post to ask the person; the caller adds its own id, time and return address."""
    item: dict[str, Json] = {
        "dataset_id": ask.dataset_id,
        "purpose_id": ask.purpose_id,
        "fields": list(ask.fields),
        "mode": QUERY if ask.action == QUERY else "view",
        "fetch": "once",
    }
    if ask.procedure_code:
        item["procedure"] = {"code": ask.procedure_code, **({"case_id": ask.case_id} if ask.case_id else {})}
    hint: dict[str, Json] = {"subject": {"scheme": ask.scheme, "value": ask.run}, "items": [item]}
    raise ConsentRequired("Post a consent request, then come back with the consent's number.", consent_request_hint=hint)


def _extent(wallet: Wallet, passed: Passed, consent: Consent, mine: Exchange | None) -> coverage.Extent:
    """Return how far a use goes under the terms that the person granted, this use with those before."""
    used = consent.uses + (0 if is_counted(mine, wallet.clock.now()) else 1)
    period = None
    if "max_data_period" in passed.agreement.limits:  # stands in the sealed record alone, and is opened where it matters
        period = json.loads(wallet.cipher.decrypt(consent.record, scope=wallet.subject_scope(consent.subject_index)))["data_period"]
    return coverage.extent_of(
        valid_from=consent.valid_from,
        valid_until=consent.valid_until,
        uses=used if consent.max_uses is None else consent.max_uses,
        frequency=consent.frequency,
        data_period=period,
    )


def is_repeat(mine: Exchange, now: datetime) -> bool:
    """True within a day of a request: the same one again runs under the same number (X7)."""
    return now < mine.created_at + timedelta(seconds=REPEAT_SECONDS)


def is_counted(mine: Exchange | None, now: datetime) -> bool:
    """True when the same request was counted within a day: a repeat counts no further use."""
    return mine is not None and mine.counted and is_repeat(mine, now)


def _check_frequency(session: Session, consent: Consent, now: datetime, mine: Exchange | None) -> None:
    """Refuse a use beyond the person's own terms; uses that are under way count until they are settled or their time is over."""
    if is_counted(mine, now):
        return
    others = [Exchange.consent_id == consent.consent_id]
    if mine is not None:
        others.append(or_(Exchange.client_id != mine.client_id, Exchange.request_id != mine.request_id))
    running = and_(
        Exchange.state == ExchangeState.ATTEMPT, Exchange.attempted_at > now - timedelta(seconds=ATTEMPT_SECONDS), ~Exchange.counted
    )
    if consent.max_uses is not None:
        reserved = session.scalar(select(func.count()).select_from(Exchange).where(*others, running)) or 0
        if consent.uses + reserved >= consent.max_uses:
            raise FrequencyExceeded("The last use of this consent is under way.", retry_after_seconds=ATTEMPT_SECONDS)
    if consent.frequency is not None:
        seconds, most = UNIT_SECONDS[str(consent.frequency["unit"])], int(str(consent.frequency["count"]))
        used = and_(Exchange.counted, Exchange.attempted_at > now - timedelta(seconds=seconds))
        in_period = session.scalar(select(func.count()).select_from(Exchange).where(*others, or_(running, used))) or 0
        if in_period >= most:
            raise FrequencyExceeded("The person allowed fewer uses in this time.", retry_after_seconds=seconds)


def check_volume(session: Session, agreement: Agreement, now: datetime, *, begins: int = 1) -> None:
    """Refuse what goes beyond the volume that both bodies signed: exchanges begun in a day, and in a second.

    `begins` is how many begin now.  Raises: RateLimited.
    """
    limits = (("tps", 1, 1), ("per_day", DAY_SECONDS, 3600))
    for name, seconds, retry_after_seconds in limits:
        most = agreement.volume.get(name)
        if most is None:
            continue
        values = {"agreement_id": agreement.agreement_id, "since": now - timedelta(seconds=seconds), "most": most}
        if (session.connection().execute(_BEGUN, values).scalar() or 0) + begins > most:
            raise RateLimited("The agreed volume is used up for now.", retry_after_seconds=retry_after_seconds, limit=name)
