"""What messages cost, each price with the day from which it holds: what a past month cost stays what it was."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class Priced(StrEnum):
    """What has a price."""

    SMS_FRAGMENT = "sms-fragment"
    LETTER_SHEET = "letter-sheet"
    LETTER_POST = "letter-post"


class Price(Base):
    """One price in one currency from a day (UTC) on; without `amount` there is none from that day on."""

    __tablename__ = "prices"
    __table_args__ = (CheckConstraint("what IN ('sms-fragment', 'letter-sheet', 'letter-post')", name="what"),)

    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    what: Mapped[str] = mapped_column(String(20), primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    amount: Mapped[Decimal | None] = mapped_column(Numeric)
    noted_at: Mapped[datetime]


Since = tuple[date, Decimal | None]
"""A price and its first day."""


@dataclass(frozen=True)
class PriceList:
    """The prices of one currency by what they are of, the oldest first; the first that is known holds for all days before, too."""

    known: Mapping[Priced, Sequence[Since]]

    def on(self, day: date, what: Priced) -> Decimal | None:
        """Give the price of a day, None where there was none."""
        prices = self.known.get(what, ())
        at = bisect_right([since for since, _ in prices], day)
        return prices[max(0, at - 1)][1] if prices else None

    @property
    def changes(self) -> list[date]:
        """Give the days on which a price changed: between two of them all prices stay."""
        return sorted({since for prices in self.known.values() for since, _ in prices[1:]})
