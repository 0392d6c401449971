"""`verified_claims`: which facts were checked, by whom, how and when.

Spec: OpenID Connect for Identity Assurance 1.0, IDA Schema Definition, identity-oidc §2.25.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from identity.errors import OAuthInvalidRequest
from identity.standards.acr import NS

NAME = "verified_claims"
FRAMEWORK = "cl_registro_civil"
EVIDENCE, DOCUMENTS = ("document",), ("idcard",)
CHECK_METHODS = ("vpip", "vri", "vcrypt")
CLAIMS = ("given_name", "family_name", "RolUnico", NS + "run")
"""What may stand in verified claims, of what the client may have at all."""
DOCUMENT_SCOPE = "document"
"""Scope of clients that may have the number of the document (IA-8)."""
Json = Mapping[str, object]


@dataclass(frozen=True)
class Proofing:
    """How a person's identity was once checked: `level` is 0…3 (§2.26), dates are of the document, as far as the registry told them."""

    level: int
    checked_at: datetime
    check_method: str
    organisation: str
    check_id: str
    document_number: str
    issued_on: date | None
    expires_on: date | None

    def as_verification(self, *, with_number: bool) -> dict[str, object]:
        """Return everything that may be told about the check (IA-7)."""
        details: dict[str, object] = {
            "type": DOCUMENTS[0],
            "issuer": {"name": "Servicio de Registro Civil e Identificación", "country": "CL"},
        }
        for name, day in (("date_of_issuance", self.issued_on), ("date_of_expiry", self.expires_on)):
            if day is not None:
                details[name] = day.isoformat()
        if with_number:
            details["document_number"] = self.document_number
        at = self.checked_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        check = {"check_method": self.check_method, "organization": self.organisation, "time": at, "check_id": self.check_id}
        return {
            "trust_framework": FRAMEWORK,
            "assurance_level": f"{NS}ip:{self.level}",
            "time": at,
            "verification_process": self.check_id,
            "evidence": [{"type": EVIDENCE[0], "document_details": details, "check_details": [check]}],
        }


def check(asked: object) -> None:
    """Refuse a request whose form is wrong (IA-2).  Raises: OAuthInvalidRequest."""
    for one in _each(asked):
        verification, claims = one.get("verification"), one.get("claims")
        if not isinstance(verification, dict) or "trust_framework" not in verification:
            raise OAuthInvalidRequest("verified_claims needs verification.trust_framework")
        if not isinstance(claims, dict) or not claims:
            raise OAuthInvalidRequest("verified_claims needs claims")
        for wish in (*claims.values(), verification["trust_framework"]):
            if wish is not None and not isinstance(wish, dict):
                raise OAuthInvalidRequest("each member of verified_claims is null or an object")
        evidence = verification.get("evidence")
        if evidence is not None and not (isinstance(evidence, list) and all(isinstance(entry, dict) for entry in evidence)):
            raise OAuthInvalidRequest("evidence is a list of objects")


def _each(asked: object) -> list[Json]:
    found = asked if isinstance(asked, list) else [asked]
    if not found or not all(isinstance(one, dict) for one in found):
        raise OAuthInvalidRequest("verified_claims is an object or a list of objects")
    return [one for one in found if isinstance(one, dict)]


def claim_names(asked: object) -> tuple[str, ...]:
    """Return the names of the claims that a request wants verified."""
    if asked is None:
        return ()
    wanted = [claims for one in _each(asked) if isinstance(claims := one.get("claims"), dict)]
    return tuple(dict.fromkeys(str(name) for claims in wanted for name in claims))


def wants_number(asked: object) -> bool:
    """Answer whether a request wants the number of a document."""
    return asked is not None and "'document_number'" in repr(asked)


def answer(asked: object, proofing: Proofing | None, known: Json, *, with_number: bool, now: datetime) -> object:
    """Return what is told: only what was asked, and nothing at all where a constraint does not hold (IA-3…IA-6).

    A list gets a list, without those that have no answer.
    """
    if asked is None or proofing is None:
        return None
    held = proofing.as_verification(with_number=with_number)
    told = [one for wish in _each(asked) if (one := _answer_one(wish, held, known, now)) is not None]
    if not told:
        return None
    return told if isinstance(asked, list) else told[0]


def _answer_one(wish: Json, held: Json, known: Json, now: datetime) -> dict[str, object] | None:
    asked_verification, asked_claims = wish["verification"], wish["claims"]
    assert isinstance(asked_verification, dict)  # noqa: S101 - `check` saw to it when the request came
    assert isinstance(asked_claims, dict)  # noqa: S101 - as above
    verification = _select(asked_verification, held, now)
    claims = {name: known[name] for name, one in asked_claims.items() if name in known and _holds(one, known[name], now)}
    if not isinstance(verification, dict) or not claims:
        return None
    return {"verification": {**verification, "trust_framework": held["trust_framework"]}, "claims": claims}


class _DoesNotHold(Exception):
    """A constraint on the verification is not met: the whole answer is left out."""


def _select(asked: Json, held: Json, now: datetime) -> dict[str, object] | None:
    """Return the members of `held` that are asked for; None where a constraint on one does not hold."""
    try:
        return {name: _member(wish, held[name], now) for name, wish in asked.items() if name in held}
    except _DoesNotHold:
        return None


def _member(wish: object, held: object, now: datetime) -> object:
    """Return one member as far as it is asked for.  Raises: _DoesNotHold."""
    if isinstance(held, list):
        if not isinstance(wish, list):
            return held
        told = [_pick(one, entry, now) for one in wish for entry in held]
        found = [entry for entry in told if entry]
        if wish and not found:
            raise _DoesNotHold
        return found
    if isinstance(held, dict):
        return held if not isinstance(wish, dict) or not wish else _pick(wish, held, now)
    if not _holds(wish, held, now):
        raise _DoesNotHold
    return held


def _pick(wish: object, held: object, now: datetime) -> object:
    if not isinstance(wish, dict) or not isinstance(held, dict):
        return held
    return {name: _member(one, held[name], now) for name, one in wish.items() if name in held}


def _holds(wish: object, held: object, now: datetime) -> bool:
    """Answer whether a value meets what is asked of it: `value`, `values`, `max_age` in seconds."""
    if not isinstance(wish, dict):
        return True
    if "value" in wish and wish["value"] != held:
        return False
    values = wish.get("values")
    if isinstance(values, list) and held not in values:
        return False
    age = wish.get("max_age")
    if isinstance(age, int | float) and not isinstance(age, bool):
        return isinstance(held, str) and _age_seconds(held, now) <= age
    return True


def _age_seconds(text: str, now: datetime) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return float("inf")
    return (now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds()


def metadata() -> dict[str, object]:
    """Return what the discovery document says about it (IA-1)."""
    return {
        "verified_claims_supported": True,
        "trust_frameworks_supported": [FRAMEWORK],
        "claims_in_verified_claims_supported": list(CLAIMS),
        "evidence_supported": list(EVIDENCE),
        "documents_supported": list(DOCUMENTS),
        "documents_check_methods_supported": list(CHECK_METHODS),
    }
