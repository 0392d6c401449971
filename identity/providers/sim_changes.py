"""Whether the card behind a telephone number was changed lately, as the telephone companies know it (§3.4).  One small contract."""

from datetime import datetime
from typing import Protocol

import structlog

from shared.http import Outbound, OutboundError

log = structlog.get_logger("andamio.identity.sim")
TIMEOUT_SECONDS = 3


class SimChanges(Protocol):
    """What identity asks before it trusts a telephone with a code."""

    def changed_after(self, phone: str, moment: datetime) -> bool:
        """Answer whether the card of a number (E.164) was changed after a moment; False where nobody can say."""
        ...


class NoSimChanges:
    """Nobody to ask."""

    def changed_after(self, phone: str, moment: datetime) -> bool:
        """Answer no."""
        return False


class RestSimChanges:
    """A checker over HTTP: `POST /v1/sim-changes` `{"phone"}` → `{"changed_at": RFC 3339 or null}`."""

    def __init__(self, http: Outbound, *, url: str) -> None:
        self._http = http
        self._url = url

    def changed_after(self, phone: str, moment: datetime) -> bool:
        """Ask.  One that is away keeps nobody out: it says nothing against the number."""
        try:
            reply = self._http.request("POST", self._url + "/v1/sim-changes", json={"phone": phone}, timeout_seconds=TIMEOUT_SECONDS)
            changed_at = reply.json()["changed_at"] if reply.status == 200 else "no answer"
            return changed_at is not None and datetime.fromisoformat(changed_at) > moment
        except (OutboundError, KeyError, ValueError, TypeError) as fault:
            log.warning("the check of a telephone's card gave no answer", why=type(fault).__name__)
            return False
