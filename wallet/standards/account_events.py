"""Events about accounts, as identity sends them: read and checked.  Spec: RFC 8417, RFC 8935, RFC 9493, RISC 1.0, CAEP 1.0."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from wallet.standards.namespace import NS

TYP = "secevent+jwt"
MEDIA_TYPE = "application/secevent+jwt"
RISC, CAEP = "https://schemas.openid.net/secevent/risc/event-type/", "https://schemas.openid.net/secevent/caep/event-type/"
DISABLED, ENABLED, PURGED = RISC + "account-disabled", RISC + "account-enabled", RISC + "account-purged"
COMPROMISED, CHANGED, SIGNED_OUT = RISC + "credential-compromise", RISC + "identifier-changed", CAEP + "session-revoked"
DECEASED, MANDATE_ENDED = NS + "event:subject-deceased", NS + "event:mandate-ended"


class SetRefused(Exception):
    """The event is not one that we take; `code` is of RFC 8935 §2.4."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code, self.description = code, description


@dataclass(frozen=True)
class AccountEvent:
    """One event: its URI, the account's name here, when it happened, and its members as they came."""

    jti: str
    uri: str
    sub: str
    at: datetime
    members: Mapping[str, object]


def read_event(claims: Mapping[str, object], *, issuer: str, audience: str) -> AccountEvent:
    """Return what a verified token says.  Raises: SetRefused."""
    if claims.get("iss") != issuer:
        raise SetRefused("invalid_issuer", "The issuer is not the one that knows our people.")
    aud = claims.get("aud")
    if audience not in (aud if isinstance(aud, list) else [aud]):
        raise SetRefused("invalid_audience", "The event is for another receiver.")
    events, subject, jti, issued = claims.get("events"), claims.get("sub_id"), claims.get("jti"), claims.get("iat")
    if not isinstance(events, Mapping) or len(events) != 1 or not isinstance(jti, str) or not isinstance(issued, int):
        raise SetRefused("invalid_request", "Exactly one event, a `jti` and an `iat` are needed.")
    if not isinstance(subject, Mapping) or subject.get("format") != "iss_sub" or subject.get("iss") != issuer:
        raise SetRefused("invalid_request", "The subject is named by issuer and sub.")
    uri, members = next(iter(events.items()))
    members = members if isinstance(members, Mapping) else {}
    happened = members.get("event_timestamp")
    at = datetime.fromtimestamp(happened if isinstance(happened, int) and 0 < happened <= issued else issued, UTC)
    return AccountEvent(jti, str(uri), str(subject.get("sub", "")), at, members)
