"""What a provider tells the wallet it answered: signed, up to five hundred at a time, within 48 hours.  Spec: wallet contract §10.5, L5."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from joserfc.jwk import ECKey

from shared.http import Outbound, OutboundError
from wallet.standards import signing

TYP = "access-report+jwt"
ENTRIES_MAX = 500


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One answer: `outcome` is released, no_record, denied or failed; `occurred_at` RFC 3339."""

    txn: str
    occurred_at: str
    outcome: str
    dataset_id: str
    client_id: str
    fields: Sequence[str]
    subject: Mapping[str, str] = field(repr=False)
    reason: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return it in its wire form."""
        body: dict[str, object] = {"txn": self.txn, "occurred_at": self.occurred_at, "outcome": self.outcome}
        body |= {"dataset_id": self.dataset_id, "client_id": self.client_id, "fields": sorted(self.fields), "subject": dict(self.subject)}
        return {**body, **({"reason": self.reason} if self.reason else {})}


def signed_report(answered: Sequence[Answered], *, client_id: str, wallet_url: str, now: int, key: ECKey) -> str:
    """Return a report to post.  Raises: ValueError for more than five hundred answers."""
    if not 0 < len(answered) <= ENTRIES_MAX:
        raise ValueError("a report has 1 to 500 answers")
    payload = {"iss": client_id, "aud": wallet_url, "iat": now, "entries": [one.as_json() for one in answered]}
    return signing.sign(payload, key=key, typ=TYP)


def send_report(http: Outbound, report: str, *, wallet_url: str, access_token: str) -> bool:
    """Post a report; False when it is to be sent again."""
    headers = {"Authorization": f"Bearer {access_token}", "Content-Type": "application/jwt"}
    try:
        reply = http.request("POST", wallet_url + "/log/v1/reports", body=report.encode(), headers=headers)
    except OutboundError:
        return False
    return reply.status in {200, 202}
