"""The consent token: one provider, one dataset, one person, two minutes.  Spec: wallet contract §5.1, §12; RFC 9396."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from joserfc.jwk import ECKey

from wallet.standards import signing
from wallet.standards.namespace import CONSENT_TYPE, LEGAL_ACCESS_TYPE

TYP = "consent+jwt"
LIFETIME_SECONDS_MAX = 300
DETAIL_TYPES = frozenset({CONSENT_TYPE, LEGAL_ACCESS_TYPE})
DETAIL_MEMBERS = frozenset(
    {
        *("type", "identifier", "consent_version", "snapshot_sha256", "from", "to", "on_behalf_of", "locations", "actions"),
        *("datatypes", "fields", "purpose", "legal_basis", "law_reference", "procedure", "agreement_id", "mode", "data_period"),
        *("uses_left", "valid_until", "retention"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Authority:
    """What the token lets the provider answer: the one element of `authorization_details`."""

    type: str
    identifier: str
    subject: Mapping[str, str]
    to: str
    location: str
    dataset_id: str
    fields: tuple[str, ...]
    purpose: str
    legal_basis: str
    agreement_id: str
    retention: str
    valid_until: str
    action: str = "read"
    mode: str = "view"
    extra: Mapping[str, object] = field(default_factory=dict)

    def detail(self) -> dict[str, object]:
        """Return the element in its wire form."""
        return {
            "type": self.type,
            "identifier": self.identifier,
            "from": dict(self.subject),
            "to": self.to,
            "locations": [self.location],
            "actions": [self.action],
            "datatypes": [self.dataset_id],
            "fields": list(self.fields),
            "purpose": self.purpose,
            "legal_basis": self.legal_basis,
            "agreement_id": self.agreement_id,
            "mode": self.mode,
            "valid_until": self.valid_until,
            "retention": self.retention,
            **self.extra,
        }


@dataclass(frozen=True, kw_only=True)
class Minting:
    """The rest of a token's claims."""

    issuer: str
    audience: str
    client_id: str
    jti: str
    txn: str
    issued_at: datetime
    ttl_seconds: int
    confirmation: Mapping[str, str] | None = None
    official: Mapping[str, str] | None = None
    status: Mapping[str, object] | None = None


def claims(authority: Authority, minting: Minting) -> dict[str, object]:
    """Return the payload.  `sub` is the person as the provider knows her; times are whole seconds."""
    if not 0 < minting.ttl_seconds <= LIFETIME_SECONDS_MAX:
        raise ValueError("a consent token lives at most 300 seconds")
    issued_at = int(minting.issued_at.timestamp())
    payload: dict[str, object] = {
        "iss": minting.issuer,
        "aud": minting.audience,
        "sub": authority.subject["value"],
        "client_id": minting.client_id,
        "jti": minting.jti,
        "iat": issued_at,
        "exp": issued_at + minting.ttl_seconds,
        "txn": minting.txn,
        "authorization_details": [authority.detail()],
    }
    if minting.confirmation is not None:
        payload["cnf"] = dict(minting.confirmation)
    if minting.official is not None:
        payload["act"] = dict(minting.official)
    if minting.status is not None:
        payload["status"] = {"status_list": dict(minting.status)}
    return payload


def mint(authority: Authority, minting: Minting, *, key: ECKey) -> str:
    """Return the signed token."""
    return signing.sign(claims(authority, minting), key=key, typ=TYP)
