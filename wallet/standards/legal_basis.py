"""Legal bases, machine-readable, each with its term of the Data Privacy Vocabulary.  Spec: wallet contract §2.1."""

from dataclasses import dataclass
from enum import StrEnum

DPV = "https://w3id.org/dpv#"


class LegalBasis(StrEnum):
    """What makes an exchange lawful."""

    CONSENT = "consent"
    LEGAL_OBLIGATION = "legal_obligation"
    OFFICIAL_AUTHORITY = "official_authority"
    PUBLIC_INTEREST = "public_interest"
    CONTRACT = "contract"
    VITAL_INTEREST = "vital_interest"
    LEGITIMATE_INTEREST = "legitimate_interest"


DPV_TERM: dict[LegalBasis, str] = {
    LegalBasis.CONSENT: DPV + "Consent",
    LegalBasis.LEGAL_OBLIGATION: DPV + "LegalObligation",
    LegalBasis.OFFICIAL_AUTHORITY: DPV + "OfficialAuthorityOfController",
    LegalBasis.PUBLIC_INTEREST: DPV + "PublicInterest",
    LegalBasis.CONTRACT: DPV + "ContractPerformance",
    LegalBasis.VITAL_INTEREST: DPV + "VitalInterestOfDataSubject",
    LegalBasis.LEGITIMATE_INTEREST: DPV + "LegitimateInterestOfController",
}


@dataclass(frozen=True)
class Ground:
    """What an agreement says about why data may move without asking the person."""

    basis: LegalBasis
    law_reference: str | None
    sensitive_article: str | None
    consent_required: bool


def must_ask_person(ground: Ground, *, any_sensitive: bool) -> bool:
    """Answer whether the person's consent is needed: sensitive data without an article that names them, or an agreement that says so.

    Spec: wallet contract §1 design consequence, §2.1.
    """
    if ground.basis is LegalBasis.CONSENT or ground.consent_required:
        return True
    return any_sensitive and not ground.sensitive_article


def fault_of(ground: Ground, *, consumer_kind: str) -> str | None:
    """Return what is wrong with a ground in an agreement, or None.  Spec: wallet contract §2.1."""
    if ground.basis is not LegalBasis.CONSENT and not ground.law_reference:
        return "a basis other than consent names its law"
    if ground.basis is LegalBasis.LEGITIMATE_INTEREST and consumer_kind == "public":
        return "a public body has no legitimate interest of its own"
    return None
