"""What messages cost, in the currency of the settings; None where no price is set.  Spec: requirements NO-9; notify-api §5.1, §15.

The settings say today's prices.  Each change of one is noted with its day, so that a message costs what it cost on the day it was made.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.events import Event
from notify.models.price import Price, Priced, PriceList
from notify.settings import Settings

_IN_POUNDS = {Priced.SMS_FRAGMENT: "0.0233", Priced.LETTER_SHEET: "0.11", Priced.LETTER_POST: "0.57"}
"""The profile of the published contract has figures of its own to begin with."""


def price_list(notify: Notify) -> PriceList:
    """Give the prices that were noted, at most two seconds old; those of the settings where none was."""
    noted = notify.catalogue.prices(notify.settings.money)
    return PriceList({what: noted.get(what) or ((date.min, set_price(notify.settings, what)),) for what in Priced})


def set_price(settings: Settings, what: Priced) -> Decimal | None:
    """Give the price that the settings say."""
    said = {
        Priced.SMS_FRAGMENT: settings.price_sms_fragment,
        Priced.LETTER_SHEET: settings.price_letter_sheet,
        Priced.LETTER_POST: settings.price_letter_post,
    }
    text = said[what] or (_IN_POUNDS[what] if settings.money == "GBP" else "")
    return Decimal(text) if text else None


@dataclass(frozen=True)
class PriceLine:
    """One price; `since` is None for the first, which holds for all days before the next one."""

    what: Priced
    amount: Decimal | None
    since: date | None
    is_present: bool


def list_prices(notify: Notify) -> list[PriceLine]:
    """Give every price in the present currency, of each thing the newest first."""
    found: list[PriceLine] = []
    for what, prices in price_list(notify).known.items():
        lines = [PriceLine(what, amount, since if at else None, at == len(prices) - 1) for at, (since, amount) in enumerate(prices)]
        found += reversed(lines)
    return found


def note_prices(notify: Notify) -> int:
    """Note the prices of the settings that are others than those noted last, from today (UTC) on; give how many."""
    now, currency, noted = notify.clock.now(), notify.settings.money, 0
    table = Price
    with notify.transaction() as tx:
        for what in Priced:
            own, amount = (table.currency == currency) & (table.what == what.value), set_price(notify.settings, what)
            last = tx.connection.execute(select(table.amount).where(own).order_by(table.since.desc()).limit(1)).one_or_none()
            if amount == (last.amount if last else None):
                continue
            row = insert(table).values(currency=currency, what=what.value, since=now.date(), amount=amount, noted_at=now)
            changed = {"amount": row.excluded.amount, "noted_at": row.excluded.noted_at}
            tx.connection.execute(row.on_conflict_do_update(index_elements=["currency", "what", "since"], set_=changed))
            data: dict[str, str | int | bool | list[str]] = {"currency": currency, "amount": "" if amount is None else str(amount)}
            tx.record(Event.PRICE_NOTED, actor="notify", object_id=what.value, channel="job", data=data)
            noted += 1
    if noted:
        notify.catalogue.forget()
    return noted


def sms_cost(prices: PriceList, day: date, fragments: int) -> Decimal | None:
    """Give the price of fragments, each counted as often as its country costs."""
    return _times(fragments, prices.on(day, Priced.SMS_FRAGMENT))


def letter_cost(prices: PriceList, day: date, letters: int, sheets: int) -> Decimal | None:
    """Give the price of letters: each is posted, each sheet is printed."""
    posted = _times(letters, prices.on(day, Priced.LETTER_POST))
    printed = _times(sheets, prices.on(day, Priced.LETTER_SHEET))
    return None if posted is None or printed is None else posted + printed


def _times(number: int, price: Decimal | None) -> Decimal | None:
    if not number:
        return Decimal(0)  # nothing costs nothing, whatever the price
    return None if price is None else number * price
