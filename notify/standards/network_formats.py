"""What two SMS networks and a printer say in their own forms, in our words.  Spec: notify-api §19."""

from collections.abc import Mapping
from urllib.parse import unquote_plus

_MMG = {"3": "delivered", "2": "permanent-failure", "5": "permanent-failure", "4": "temporary-failure"}
_FIRETEXT = {"0": "delivered", "1": "permanent-failure", "2": "pending"}
_PRINTED = {"DESPATCHED": "delivered", "REJECTED": "technical-failure"}
_PERMANENT, _TEMPORARY = frozenset({"101", "201", "301", "401"}), frozenset({"000", "102", "103", "104", "302", "900"})


class FieldMissing(ValueError):
    """The report lacks a field; the message is the contract's."""


def mmg_receipt(body: Mapping[str, object]) -> tuple[str, str]:
    """Give (our reference, status word) of an MMG report.  Raises: FieldMissing."""
    _require("MMG", body, ("status", "CID"))
    return str(body["CID"]), _MMG.get(str(body["status"]), "technical-failure")


def firetext_receipt(body: Mapping[str, object]) -> tuple[str, str]:
    """Give (our reference, status word) of a Firetext report; its code says more than its status.  Raises: FieldMissing."""
    _require("Firetext", body, ("status", "reference"))
    status, code = str(body["status"]), str(body.get("code") or "")
    word = _FIRETEXT.get(status, "technical-failure")
    if word == "permanent-failure" and code in _TEMPORARY:
        word = "temporary-failure"
    if word in {"permanent-failure", "technical-failure"} and code in _PERMANENT:
        word = "permanent-failure"
    return str(body["reference"]), word


def mmg_text(body: Mapping[str, object]) -> tuple[str, str, str, str]:
    """Give (reference, from, to, words) of a text that MMG received.  Raises: FieldMissing."""
    _require("MMG", body, ("MSISDN", "Number", "Message"))
    return str(body.get("ID") or ""), str(body["MSISDN"]), str(body["Number"]), unquote_plus(str(body["Message"]))


def firetext_text(body: Mapping[str, object]) -> tuple[str, str, str, str]:
    """Give (reference, from, to, words) of a text that Firetext received.  Raises: FieldMissing."""
    _require("Firetext", body, ("source", "destination", "message"))
    # Firetext gives no id of its own: the same words from the same number at the same moment are one text.
    reference = f"{body['source']}:{body['destination']}:{body['time']}" if body.get("time") else ""
    return reference, str(body["source"]), str(body["destination"]), str(body["message"])


def letter_event(body: Mapping[str, object]) -> tuple[str, str]:
    """Give (our reference, status word) of a printer's event.  Raises: FieldMissing, also for a status that is none."""
    data = body.get("data")
    status = str(data.get("jobStatus") or "").upper() if isinstance(data, Mapping) else ""
    if status not in _PRINTED:
        raise FieldMissing("Letter callback failed: jobStatus missing")
    return event_reference(body), _PRINTED[status]


def event_reference(body: Mapping[str, object]) -> str:
    """Give the reference that a printer's event is about, empty where it names none."""
    metadata = body.get("metadata")
    found = metadata.get("correlationId") if isinstance(metadata, Mapping) else None
    return found if isinstance(found, str) else ""


def _require(network: str, body: Mapping[str, object], names: tuple[str, ...]) -> None:
    for name in names:
        if body.get(name) is None or body.get(name) == "":
            raise FieldMissing(f"{network} callback failed: {name} missing")
