"""The receipt of a decision, as a person keeps it: JSON-LD in the terms of the Data Privacy Vocabulary 2.3.

Two forms with the same content, of which the second is this document inside a JWS.  No evidence and no internal number is in it.
Spec: wallet contract §3.1; ISO/IEC TS 27560 through the guide "consent-27560".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from wallet.standards.canonical import Json
from wallet.standards.consent_record import Frozen, instant
from wallet.standards.legal_basis import DPV
from wallet.standards.namespace import NS

TYP = "consent-receipt+jwt"
SCHEMA = "https://w3id.org/dpv/schema/dpv-27560#"
CONTEXT: dict[str, Json] = {
    "dpv": DPV,
    "dct": "http://purl.org/dc/terms/",
    "schema": "https://schema.org/",
    "andamio": NS,
}
STATUS: dict[str, str] = {
    "granted": "dpv:ConsentGiven",
    "resumed": "dpv:ConsentGiven",
    "confirmed": "dpv:ConsentGiven",
    "suspended": "andamio:ConsentSuspended",
    "withdrawn": "dpv:ConsentWithdrawn",
    "revoked": "dpv:ConsentRevoked",
    "expired": "dpv:ConsentExpired",
    "renewed": "dpv:ConsentInvalidated",
    "dependency_lost": "dpv:ConsentInvalidated",
    "refused": "dpv:ConsentRefused",
}
RENEWED = "dpv:RenewedConsentGiven"
MODES = {"view": "dpv:Consult", "store": "dpv:Store", "query": "dpv:Query", "stream": "dpv:Monitor"}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change in the life of a consent; `by` is who made it, in words a person knows."""

    type: str
    at: datetime
    by: str
    is_renewal: bool = False
    delegates: tuple[str, ...] = ()
    """The names of those who acted for the person, several where they decided together (D6)."""

    def status(self) -> dict[str, Json]:
        """Return it as an entry of `hasConsentStatus`."""
        term = RENEWED if self.is_renewal and self.type == "granted" else STATUS[self.type]
        method = "andamio:button" if self.by in {"principal", "delegate"} else "andamio:record"
        return {
            "@type": term,
            "dpv:isIndicatedBy": self.by,
            "dpv:hasIndicationMethod": {"@id": method},
            "dpv:isIndicatedAtTime": instant(self.at),
            **({"andamio:delegate": self.delegates[0] if len(self.delegates) == 1 else list(self.delegates)} if self.delegates else {}),
        }


def receipt(frozen: Frozen, steps: Sequence[Step], *, receipt_id: str, issuer: str, holder: str, law: str) -> dict[str, Json]:
    """Return the receipt of what `frozen` says, with its history up to the last of `steps`; `holder` is the person's pairwise name here."""
    return {
        "@context": CONTEXT,
        "@id": f"urn:uuid:{receipt_id}",
        "@type": "dpv:ConsentReceipt",
        "dct:identifier": receipt_id,
        "dct:conformsTo": {"@id": SCHEMA + "receipt"},
        "dct:created": instant(steps[-1].at),
        "dct:publisher": issuer,
        "schema:recipient": holder,
        "dpv:hasRecordOfActivity": _record(frozen, steps, law),
    }


def _record(frozen: Frozen, steps: Sequence[Step], law: str) -> dict[str, Json]:
    shown, recipient, source = _member(frozen, "shown"), _member(frozen, "recipient"), _member(frozen, "source")
    notice = _member(frozen, "notice")
    return {
        "@type": "dpv:ConsentRecord",
        "dct:identifier": frozen.get("consent_id") or f"{frozen['request_id']}#{frozen['item_id']}",
        "dct:conformsTo": {"@id": SCHEMA + "record"},
        "dct:hasVersion": frozen.get("consent_version", 0),
        "dpv:hasDataSubject": _party("dpv:DataSubject", "principal", _member(frozen, "principal").get("value")),
        "dpv:hasDataController": _party("dpv:DataController", recipient["org_id"], shown.get("recipient")),
        "dpv:hasDataSource": _party("dpv:DataController", source["org_id"], shown.get("source")),
        "dpv:hasJurisdiction": frozen["jurisdiction"],
        "dpv:hasApplicableLaw": law,
        "dpv:hasLegalBasis": {"@id": frozen["consent_type"]},
        "dpv:hasProcess": [_process(frozen)],
        "dpv:hasConsentControl": {
            "@type": "dpv:WithdrawConsent",
            "dpv:isExercisedAt": {"@id": frozen["withdrawal_method"]},
        },
        "dpv:hasRight": {"@id": frozen["privacy_rights"]},
        "dpv:hasAuthority": frozen["authority"],
        "dpv:hasNotice": {
            "@type": "dpv:ConsentNotice",
            "dct:identifier": f"{notice['notice_id']}/{notice['version']}",
            "dct:language": notice["lang"],
            "dct:date": instant(steps[0].at),
            "andamio:sha256": notice["sha256"],
        },
        "dpv:hasConsentStatus": [step.status() for step in steps],
    }


def _process(frozen: Frozen) -> dict[str, Json]:
    recipient, shown, retention = _member(frozen, "recipient"), _member(frozen, "shown"), _member(frozen, "retention")
    storage: list[Json] = [
        {"@type": "dpv:StorageLocation", "dpv:hasLocation": frozen["storage_locations"]},
        {"@type": "dpv:StorageDuration", "dpv:hasDuration": str(retention.get("duration", "P0D"))},
    ]
    if retention.get("erase_on_withdrawal") in {True, "True"}:
        storage.append({"@type": "dpv:StorageDeletion", "dct:description": "on withdrawal"})
    onward = frozen["onward"] if isinstance(frozen["onward"], list) else []
    process: dict[str, Json] = {
        "@type": "dpv:Process",
        "dpv:hasPurpose": {
            "@type": frozen["purpose_type"],
            "dct:identifier": frozen["purpose_id"],
            "dct:description": frozen["purpose_text"],
        },
        "dpv:hasPersonalData": [_field(field) for field in _fields(frozen)],
        "dpv:hasProcessing": {"@id": MODES[str(frozen["mode"])]},
        "dpv:hasRecipient": [
            _party("dpv:Recipient", recipient["org_id"], shown.get("recipient")),
            *({"@type": "dpv:Recipient", "schema:name": str(one)} for one in onward),
        ],
        "dpv:hasStorageCondition": storage,
        "dpv:hasDuration": frozen["valid_until"],
        "andamio:fetch": frozen["fetch"],
        "andamio:agreement": f"{frozen['agreement_id']}/{frozen['agreement_version']}",
    }
    procedure = frozen.get("procedure")
    if isinstance(procedure, Mapping):
        process["andamio:procedure"] = {"dct:identifier": procedure["code"], "dct:title": procedure["title"]}
    return process


def _field(field: Mapping[str, Json]) -> dict[str, Json]:
    """Return one field: whether it is asked by choice, and whether it was granted."""
    return {
        "@type": "dpv:SensitivePersonalData" if field["sensitive"] else "dpv:PersonalData",
        "dct:identifier": field["field_id"],
        "dct:title": field["title"],
        "dpv:hasContext": {"@id": "dpv:Optional" if field["optional"] else "dpv:Required"},
        "andamio:granted": bool(field.get("granted", False)),
    }


def _fields(frozen: Frozen) -> list[Mapping[str, Json]]:
    fields = frozen["fields"]
    return [field for field in fields if isinstance(field, Mapping)] if isinstance(fields, list) else []


def _party(kind: str, identifier: Json, name: Json) -> dict[str, Json]:
    return {"@type": kind, "dct:identifier": identifier, "schema:name": name}


def _member(frozen: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = frozen.get(name)
    return value if isinstance(value, Mapping) else {}
