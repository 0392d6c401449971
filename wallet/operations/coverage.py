"""Which agreement covers a matter; asked when a consent is requested and again at each fetch.  Spec: wallet contract §8.1, §9."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from shared.clock import ZONE
from wallet.errors import (
    AgreementInactive,
    AgreementRequired,
    InvalidExchange,
    TemplateLimitExceeded,
    UnknownDataset,
    UnknownField,
    UnknownPurpose,
)
from wallet.models.agreement import Agreement
from wallet.models.base import Texts
from wallet.models.dataset import Dataset, Field
from wallet.models.purpose import Purpose
from wallet.operations.known import Known
from wallet.standards.durations import seconds_of
from wallet.standards.legal_basis import must_ask_person
from wallet.standards.limits import Asked, Limits, Verdict, run_rules

DAY_SECONDS = 86_400
SUBJECT_KINDS = {"cl-run": "person", "cl-rut": "company"}


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How long and how often a consent is asked for or used; None where that is not said."""

    duration_seconds: int | None = None
    uses: int | None = None
    per_day: int | None = None
    data_period_days: int | None = None


NO_EXTENT = Extent()


def extent_of(
    *, valid_from: datetime, valid_until: datetime, uses: int | None, frequency: Mapping[str, object] | None, data_period: Texts | None
) -> Extent:
    """Return the extent of a consent's terms."""
    return Extent(
        duration_seconds=int((valid_until - valid_from).total_seconds()),
        uses=uses,
        per_day=_per_day(frequency),
        data_period_days=_days(data_period),
    )


def _days(period: Texts | None) -> int | None:
    """Return how many days the data asked for are about."""
    if period is None:
        return None
    return (date.fromisoformat(period["to"]) - date.fromisoformat(period["from"])).days + 1


def _per_day(frequency: Mapping[str, object] | None) -> int | None:
    count = frequency["count"] if frequency is not None else None
    if frequency is None or not isinstance(count, int):
        return None
    return count if frequency["unit"] == "day" else 1


@dataclass(frozen=True)
class Matter:
    """A dataset, some of its fields and a purpose, all known and in force."""

    dataset: Dataset
    fields: dict[str, Field]
    purpose: Purpose

    @property
    def any_sensitive(self) -> bool:
        """True when one of the fields is sensitive."""
        return any(field.sensitive for field in self.fields.values())


def find_matter(known: Known, dataset_id: str, fields: Iterable[str], purpose_id: str) -> Matter:
    """Return what is asked about.  Raises: UnknownDataset, UnknownField, UnknownPurpose."""
    dataset = known.dataset(dataset_id)
    if dataset is None:
        raise UnknownDataset("Look up the dataset's id in the directory.")
    listed = dataset.listed()
    unknown = sorted(set(fields) - listed.keys())
    if unknown:
        raise UnknownField("Ask only for fields that the dataset lists.", fields=unknown)
    purpose = known.purpose(purpose_id)
    if purpose is None:
        raise UnknownPurpose("Look up the purpose's id in the directory.")
    return Matter(dataset, {name: listed[name] for name in fields}, purpose)


def check_subject(matter: Matter, scheme: str) -> None:
    """Refuse a company where the dataset is about persons, and the other way round.  Raises: InvalidExchange.  Spec: §2."""
    kind = SUBJECT_KINDS[scheme]
    if kind not in matter.dataset.subject_kinds:
        raise InvalidExchange(f"This dataset holds nothing about a {kind}.", errors={"subject": {"scheme": ["Not of this dataset."]}})


def covering(
    known: Known, matter: Matter, consumer: str, procedure_code: str | None, *, now: datetime, agreement_id: str | None = None
) -> list[Agreement]:
    """Return the agreements in force that cover a matter, or the named one among them.

    Raises: AgreementRequired where none covers it, AgreementInactive where one does and is not in force.
    """
    found = [
        agreement
        for agreement in known.agreements(consumer, matter.dataset.org_id)
        if agreement_id in {None, agreement.agreement_id} and _covers(agreement, matter, procedure_code)
    ]
    if not found:
        raise AgreementRequired("No agreement with the body that holds the data covers this dataset, purpose and procedure.")
    active = [agreement for agreement in found if agreement.is_active(now)]
    if not active:
        raise AgreementInactive("The agreement that covers this is not in force.", agreement_id=found[-1].agreement_id)
    return active


def allows_bulk(agreement: Agreement) -> bool:
    """Answer whether an agreement lets more than a hundred people be asked about in one call."""
    return Limits.read(agreement.limits, frozenset()).bulk


def bulk_agreement(
    known: Known, matter: Matter, consumer: str, procedure_code: str | None, *, now: datetime, agreement_id: str | None
) -> Agreement:
    """Return the agreement in force that covers a matter for many people at once: the named one, else one that asks each person.

    Raises: AgreementRequired, AgreementInactive, TemplateLimitExceeded where none that covers it has the flag.
    """
    code = procedure_code or matter.purpose.procedure_code
    found = covering(known, matter, consumer, code, now=now, agreement_id=agreement_id)
    fitting = found if agreement_id else [one for one in found if asks_person(one, matter)] or found
    agreement = next(filter(allows_bulk, fitting), None)
    if agreement is None:
        raise _limit_broken(fitting[0], "bulk")
    return agreement


def asks_person(agreement: Agreement, matter: Matter) -> bool:
    """Answer whether under this agreement the person is asked."""
    return must_ask_person(agreement.ground(), any_sensitive=matter.any_sensitive)


def check_limits(
    agreement: Agreement,
    matter: Matter,
    *,
    mode: str,
    extent: Extent = NO_EXTENT,
    at: datetime | None = None,
    is_bulk: bool = False,
) -> Verdict:
    """Judge a request by the limits that both bodies signed; the verdict says what is only reported.

    Raises: TemplateLimitExceeded, which names the limit.
    """
    limits = Limits.read(agreement.limits, agreement.fields_of(matter.dataset.dataset_id) or frozenset())
    asked = Asked(
        fields=frozenset(matter.fields),
        any_sensitive=matter.any_sensitive,
        mode=mode,
        duration_seconds=extent.duration_seconds,
        uses=extent.uses,
        per_day=extent.per_day,
        data_period_days=extent.data_period_days,
        retention_days=seconds_of(str(agreement.retention.get("duration", "P0D"))) / DAY_SECONDS,
        hour=at.astimezone(ZONE).hour if at else None,
        is_bulk=is_bulk,
    )
    verdict = run_rules(limits, asked)
    if not verdict.accept:
        raise _limit_broken(agreement, str(verdict.rule_id))
    return verdict


def _limit_broken(agreement: Agreement, limit: str) -> TemplateLimitExceeded:
    said = f"The limit {limit} of agreement {agreement.agreement_id} is broken."
    return TemplateLimitExceeded(said, limit=limit, agreement_id=agreement.agreement_id, version=agreement.version)


def _covers(agreement: Agreement, matter: Matter, procedure_code: str | None) -> bool:
    if agreement.fields_of(matter.dataset.dataset_id) is None or matter.purpose.purpose_id not in agreement.purposes:
        return False
    return procedure_code is None or not agreement.procedure_codes or procedure_code in agreement.procedure_codes
