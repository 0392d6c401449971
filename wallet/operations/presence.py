"""Who sits before the page, for whom, and how we know."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from shared.web.words import gettext_noop
from wallet.errors import PowerMissing
from wallet.standards.acting import Kind, Power, Reach


@dataclass(frozen=True, kw_only=True)
class Acting:
    """For whom somebody acts and how far: `subject` is the principal, `scheme:value`.  Spec: wallet contract §6."""

    delegation_id: UUID
    subject: str = field(repr=False)
    name: str = field(repr=False)
    kind: Kind
    powers: frozenset[Power]
    reach: Reach
    together: frozenset[Power] = frozenset()
    """What she may do only with `joint - 1` others (D6)."""
    joint: int = 1


@dataclass(frozen=True, kw_only=True)
class Presence:
    """A signed-in person; `run` in its normal form, hashes instead of what identifies a device.  `acting` when she acts for another."""

    run: str = field(repr=False)
    sub: str
    acr: str
    amr: tuple[str, ...]
    auth_time: datetime
    session_hash: str
    user_agent_hash: str
    ip_prefix: str
    name: str = field(default="", repr=False)
    acting: Acting | None = None
    mandate_id: str | None = None
    """The mandate by which identity says that she acts by this sign-in."""

    @property
    def own_subject(self) -> str:
        """Who sits there, as the log names her."""
        return f"cl-run:{self.run}"

    @property
    def subject(self) -> str:
        """Whose data these are: the principal's, or her own."""
        return self.acting.subject if self.acting else self.own_subject

    @property
    def level(self) -> int:
        """The strength of the sign-in, 1 to 3; 0 unknown."""
        text = self.acr.rpartition(":")[2]
        return int(text) if text in {"1", "2", "3"} else 0

    @property
    def actor(self) -> str:
        """The person, as an actor in the audit log: opaque outside this service."""
        return f"person:{self.sub}"

    @property
    def on_behalf_of(self) -> str | None:
        """By which delegation she acts, as the log names it."""
        return f"delegation:{self.acting.delegation_id}" if self.acting else None

    def for_another(self, acting: Acting) -> "Presence":
        """Return the same person acting for another."""
        return replace(self, acting=acting)

    def require(self, power: Power, *, together: bool = False) -> None:
        """Let a delegate do only what she may (U13), where `together` is set also what she may with others.  Raises: PowerMissing."""
        if self.acting is None or power in self.acting.powers:
            return
        if not together or power not in self.acting.together:
            raise PowerMissing(gettext_noop("Your power to act for another does not go so far."))

    def needs_others(self, power: Power) -> bool:
        """Answer whether others must do the same before it counts."""
        return self.acting is not None and power in self.acting.together

    def covers(self, dataset_id: str, purpose_id: str | None, procedure_code: str | None) -> bool:
        """Answer whether she may see a matter: her own always, another's within the delegation."""
        return self.acting is None or self.acting.reach.covers(dataset_id, purpose_id, procedure_code)

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
            **({"delegation_id": str(self.acting.delegation_id)} if self.acting else {}),
        }
