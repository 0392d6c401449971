"""What a person was shown and what she decided, as frozen records with their hashes.  Spec: wallet contract §3, U11.

The *offer* is everything on the decision page; its hash goes round with the form, so that what is granted is what was read.
The *record* is the offer with the decision; `snapshot_sha256` is over its canonical JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from wallet.standards.canonical import Json, sha256_of

SCHEMA_VERSION = "https://w3id.org/dpv/schema/dpv-27560#record"
Frozen = dict[str, Json]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """How an offer was granted; `optional_granted` are the optional fields the person turned on."""

    consent_id: str
    chain_id: str
    decided_by: str
    optional_granted: frozenset[str]
    valid_from: datetime
    delegation: Mapping[str, Json] | None = None
    """For a delegate: `delegation_id`, `delegation_kind`, and the names of both (D6)."""
    together: tuple[Mapping[str, Json], ...] = ()
    """Those who said yes before, where several must decide: `id`, `delegation_id`, `name`, `at` of each."""
    consent_version: int = 1
    supersedes: str | None = None


def instant(moment: datetime) -> str:
    """Write a moment as RFC 3339 in whole seconds with `Z`."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def shown_sha256(offer: Mapping[str, Json]) -> str:
    """Return the hash that the form carries."""
    return sha256_of(offer)


def granted_record(offer: Mapping[str, Json], decision: Decision) -> Frozen:
    """Return the frozen record of a granted offer.

    Raises: ValueError when a field was turned on that the offer does not hold as optional.
    """
    fields = fields_of(offer)
    optional = {str(field["field_id"]) for field in fields if field["optional"]}
    if decision.optional_granted - optional:
        raise ValueError("not an optional field of this request")
    decided = [{**field, "granted": not field["optional"] or field["field_id"] in decision.optional_granted} for field in fields]
    return {
        **offer,
        "schema_version": SCHEMA_VERSION,
        "consent_id": decision.consent_id,
        "consent_version": decision.consent_version,
        **({"supersedes": decision.supersedes} if decision.supersedes else {}),
        "chain_id": decision.chain_id,
        "decided_by": decided_by(decision.decided_by, decision.delegation, decision.together),
        "fields": decided,
        "valid_from": instant(decision.valid_from),
        "shown_sha256": shown_sha256(offer),
    }


def decided_by(actor: str, delegation: Mapping[str, Json] | None, together: Sequence[Mapping[str, Json]] = ()) -> dict[str, Json]:
    """Return who decided, as a record names it: the person, or a delegate with both names, and who decided with him (D6)."""
    others: dict[str, Json] = {"with": list(together)} if together else {}
    return {"kind": "delegate" if delegation else "principal", "id": actor, **(delegation or {}), **others}


def deciders(record: Mapping[str, Json]) -> list[str]:
    """Return the names of the delegates who decided, in the order in which they did; none where the person decided herself."""
    who = record.get("decided_by")
    if not isinstance(who, Mapping) or "name" not in who:
        return []
    others = who.get("with", [])
    before = [str(one["name"]) for one in others if isinstance(one, Mapping)] if isinstance(others, list) else []
    return [*before, str(who["name"])]


def granted_fields(record: Mapping[str, Json]) -> list[str]:
    """Return the ids of the granted fields, sorted."""
    return sorted(str(field["field_id"]) for field in fields_of(record) if field["granted"])


def narrowed(record: Mapping[str, Json], keep: frozenset[str]) -> Frozen:
    """Return the `fields` of a record of which only some stay granted."""
    return {"fields": [{**field, "granted": field["granted"] and str(field["field_id"]) in keep} for field in fields_of(record)]}


def any_sensitive(frozen: Mapping[str, Json], *, also: frozenset[str] = frozenset()) -> bool:
    """Answer whether a granted field is sensitive; of an offer, a mandatory one or one of `also`."""
    return any(
        field["sensitive"] and field.get("granted", not field["optional"] or field["field_id"] in also) for field in fields_of(frozen)
    )


def fields_of(frozen: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """Return the fields of an offer or a record."""
    fields = frozen["fields"]
    if not isinstance(fields, list):
        raise TypeError("a frozen record has a list of fields")
    return [field for field in fields if isinstance(field, dict)]
