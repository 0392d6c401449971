"""What a new request changes against the consent that is there, computed here, not by the caller.  Spec: wallet contract §7, U10.

Same or narrower content for a longer time is a renewal; anything wider or other is a new consent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from wallet.standards.canonical import Json
from wallet.standards.durations import seconds_of

PER_DAY = {"hour": 24.0, "day": 1.0, "week": 1 / 7, "month": 1 / 30, "year": 1 / 365}
REACH = {"query": 0, "view": 1, "stream": 2, "store": 3}
FETCHES = {"once": 0, "periodic": 1, "until_procedure_end": 2}


class Kind(StrEnum):
    """What a request is to the consent that is there."""

    RENEWAL = "renewal"
    NEW = "new"


@dataclass(frozen=True)
class Difference:
    """One thing that is different: its name, and how it was and will be, in words for the page where they are ours."""

    name: str
    before: Json
    after: Json
    is_wider: bool

    def as_json(self) -> dict[str, Json]:
        """Return it to be frozen with the offer."""
        return {"name": self.name, "before": self.before, "after": self.after, "is_wider": self.is_wider}


def compare(record: Mapping[str, Json], offer: Mapping[str, Json]) -> list[Difference]:
    """Return what an offer changes against a granted record, in the order of the page; equal things are left out."""
    found = [
        *_fields(record, offer),
        _plain("purpose", record.get("purpose_id"), offer.get("purpose_id")),
        _plain("purpose_type", record.get("purpose_type"), offer.get("purpose_type")),
        _plain("legal_basis", record.get("legal_basis"), offer.get("legal_basis")),
        _plain("recipient", _member(record, "recipient"), _member(offer, "recipient")),
        _plain("source", _source(record), _source(offer)),
        _list("onward", record.get("onward"), offer.get("onward")),
        _list("storage_locations", record.get("storage_locations"), offer.get("storage_locations")),
        _ordered("mode", record.get("mode"), offer.get("mode"), REACH),
        _ordered("fetch", record.get("fetch"), offer.get("fetch"), FETCHES),
        _number("frequency", record.get("frequency"), offer.get("frequency"), _per_day(record), _per_day(offer)),
        _number("max_uses", record.get("max_uses"), offer.get("max_uses"), _most(record.get("max_uses")), _most(offer.get("max_uses"))),
        _number("retention", _kept(record), _kept(offer), seconds_of(str(_kept(record))), seconds_of(str(_kept(offer)))),
        _period(record, offer),
        _time(record, offer),
    ]
    return [one for one in found if one is not None]


def kind_of(differences: list[Difference]) -> Kind:
    """Return whether these differences make a renewal or a new consent."""
    return Kind.NEW if any(one.is_wider for one in differences) else Kind.RENEWAL


def _fields(record: Mapping[str, Json], offer: Mapping[str, Json]) -> list[Difference]:
    """A field that was not granted and becomes mandatory is wider; one that may be chosen is the person's own."""
    had = {str(field["field_id"]): field for field in _rows(record)}
    gets = {str(field["field_id"]): field for field in _rows(offer)}
    found: list[Difference] = []
    for name, field in gets.items():
        before = had.get(name)
        if before is None:
            found.append(Difference("field", None, field["title"], True))
        elif before["optional"] and not field["optional"]:
            found.append(Difference("field_mandatory", before["title"], field["title"], True))
    found += [Difference("field", field["title"], None, False) for name, field in had.items() if name not in gets]
    return found


def _plain(name: str, before: Json, after: Json) -> Difference | None:
    return None if before == after else Difference(name, before, after, True)


def _list(name: str, before: Json, after: Json) -> Difference | None:
    had, gets = _texts(before), _texts(after)
    return None if had == gets else Difference(name, sorted(had), sorted(gets), bool(gets - had))


def _ordered(name: str, before: Json, after: Json, order: Mapping[str, int]) -> Difference | None:
    if before == after:
        return None
    return Difference(name, before, after, order.get(str(after), 9) > order.get(str(before), 9))


def _number(name: str, before: Json, after: Json, least: float, most: float) -> Difference | None:
    return None if least == most else Difference(name, before, after, most > least)


def _period(record: Mapping[str, Json], offer: Mapping[str, Json]) -> Difference | None:
    had, gets = record.get("data_period"), offer.get("data_period")
    if had == gets:
        return None
    is_inside = (
        isinstance(had, Mapping)
        and isinstance(gets, Mapping)
        and str(had["from"]) <= str(gets["from"])
        and str(gets["to"]) <= str(had["to"])
    )
    return Difference("data_period", had, gets, not (is_inside or had is None))


def _time(record: Mapping[str, Json], offer: Mapping[str, Json]) -> Difference | None:
    """A longer time alone is what a renewal is about."""
    before, after = record.get("valid_until"), offer.get("valid_until")
    return None if before == after else Difference("valid_until", before, after, False)


def _source(frozen: Mapping[str, Json]) -> Json:
    source = _member(frozen, "source")
    return {name: value for name, value in source.items() if name != "dataset_version"}


def _per_day(frozen: Mapping[str, Json]) -> float:
    frequency = frozen.get("frequency")
    if not isinstance(frequency, Mapping):
        return float("inf") if frozen.get("fetch") == "until_procedure_end" else 0.0
    return float(str(frequency["count"])) * PER_DAY[str(frequency["unit"])]


def _most(uses: Json) -> float:
    return float(uses) if isinstance(uses, int) else float("inf")


def _kept(frozen: Mapping[str, Json]) -> Json:
    return _member(frozen, "retention").get("duration", "P0D")


def _rows(frozen: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    fields = frozen.get("fields")
    return [field for field in fields if isinstance(field, Mapping)] if isinstance(fields, list) else []


def _texts(value: Json) -> set[str]:
    return {str(one) for one in value} if isinstance(value, list) else set()


def _member(frozen: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = frozen.get(name)
    return value if isinstance(value, Mapping) else {}
