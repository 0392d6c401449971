"""Which agreement covers a matter; asked when a consent is requested and again at each fetch.  Spec: wallet contract §8.1, §9."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

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
from wallet.models.dataset import Dataset, Field
from wallet.models.purpose import Purpose
from wallet.operations.known import Known
from wallet.standards.durations import seconds_of
from wallet.standards.legal_basis import must_ask_person
from wallet.standards.limits import Asked, Limits, first_broken

DAY_SECONDS = 86_400
SUBJECT_KINDS = {"cl-run": "person", "cl-rut": "company"}
ZONE = ZoneInfo("America/Santiago")


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


def asks_person(agreement: Agreement, matter: Matter) -> bool:
    """Answer whether under this agreement the person is asked."""
    return must_ask_person(agreement.ground(), any_sensitive=matter.any_sensitive)


def check_limits(
    agreement: Agreement,
    matter: Matter,
    *,
    mode: str,
    duration_seconds: int | None = None,
    uses: int | None = None,
    per_day: int | None = None,
    data_period_days: int | None = None,
    at: datetime | None = None,
) -> None:
    """Judge a request by the limits that both bodies signed.  Raises: TemplateLimitExceeded, which names the limit."""
    limits = Limits.read(agreement.limits, agreement.fields_of(matter.dataset.dataset_id) or frozenset())
    asked = Asked(
        fields=frozenset(matter.fields),
        any_sensitive=matter.any_sensitive,
        mode=mode,
        duration_seconds=duration_seconds,
        uses=uses,
        per_day=per_day,
        data_period_days=data_period_days,
        retention_days=seconds_of(str(agreement.retention.get("duration", "P0D"))) / DAY_SECONDS,
        hour=at.astimezone(ZONE).hour if at else None,
    )
    broken = first_broken(limits, asked)
    if broken:
        raise TemplateLimitExceeded(f"The limit {broken} of agreement {agreement.agreement_id} is broken.", limit=broken)


def _covers(agreement: Agreement, matter: Matter, procedure_code: str | None) -> bool:
    if agreement.fields_of(matter.dataset.dataset_id) is None or matter.purpose.purpose_id not in agreement.purposes:
        return False
    return procedure_code is None or not agreement.procedure_codes or procedure_code in agreement.procedure_codes
