"""What a service product costs, by version, day and channel, and who pays less.  Spec: requirements PA-10, PA-11."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pay.events import ExemptionEvent
from shared.states import Table

PRODUCT = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Channel(StrEnum):
    """The way in which a person comes."""

    WEB = "web"
    PHONE = "phone"
    COUNTER = "counter"


class ExemptionState(StrEnum):
    """What became of an exemption that was asked for."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"


S, E = ExemptionState, ExemptionEvent
EXEMPTION_TABLE: Table[ExemptionState, ExemptionEvent] = Table(
    "exemption", initial=frozenset({S.ASKED}), moves={(S.ASKED, S.GRANTED): E.GRANTED, (S.ASKED, S.REFUSED): E.REFUSED}
)


@dataclass(frozen=True)
class Exemption:
    """Who pays another amount: 0 is nothing; `needs_decision` where a person of the office has to look."""

    code: str
    text: str
    amount_minor: int
    needs_decision: bool


@dataclass(frozen=True)
class FeeRule:
    """One version of what a product costs; it counts from `valid_from` until the next one does, and never changes."""

    product: str
    version: int
    name: str
    amounts: Mapping[Channel, int]
    exemptions: tuple[Exemption, ...]
    valid_from: date

    def exemption(self, code: str) -> Exemption | None:
        """Return an exemption by its code."""
        return next((each for each in self.exemptions if each.code == code), None)

    @property
    def dearer_channels(self) -> tuple[Channel, ...]:
        """The channels on which the same thing costs more: who cannot come by another pays for it.  Spec: PA-11."""
        least = min(self.amounts.values())
        return tuple(channel for channel, amount in self.amounts.items() if amount > least)


@dataclass(frozen=True)
class FeeTerms:
    """Why a payment asks for its amount; it stands with the payment, for pages, receipts and whoever asks later."""

    product: str
    version: int
    name: str
    channel: str
    full_minor: int
    exemption: str = ""
    exemption_text: str = ""
    state: str = ""
    """Of the exemption; empty where none was asked."""

    @property
    def is_exempt(self) -> bool:
        """True where somebody pays another amount than the full one."""
        return self.state == ExemptionState.GRANTED
