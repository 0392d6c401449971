"""Who sits before the page, and how we know."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Presence:
    """A signed-in person; `run` in its normal form, hashes instead of what identifies a device."""

    run: str = field(repr=False)
    sub: str
    acr: str
    amr: tuple[str, ...]
    auth_time: datetime
    session_hash: str
    user_agent_hash: str
    ip_prefix: str

    @property
    def subject(self) -> str:
        """The person, as the log names her."""
        return f"cl-run:{self.run}"

    @property
    def level(self) -> int:
        """The strength of the sign-in, 1 to 3; 0 unknown."""
        text = self.acr.rpartition(":")[2]
        return int(text) if text in {"1", "2", "3"} else 0

    @property
    def actor(self) -> str:
        """The person, as an actor in the audit log: opaque outside this service."""
        return f"person:{self.sub}"

    def evidence(self) -> dict[str, str | list[str]]:
        """Return what is kept with a decision.  Spec: wallet contract §3."""
        return {
            "auth_time": self.auth_time.isoformat(),
            "acr": self.acr,
            "amr": list(self.amr),
            "ip_prefix": self.ip_prefix,
            "user_agent_hash": self.user_agent_hash,
            "action": "button_grant",
            "session_hash": self.session_hash,
        }
