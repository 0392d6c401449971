"""What messages cost, in the currency of the settings; None where no price is set.  Spec: requirements NO-9; notify-api §5.1, §15."""

from decimal import Decimal

from notify.settings import Settings


def sms_price(settings: Settings) -> Decimal | None:
    """Give the price of one fragment at home."""
    return _price(settings, settings.price_sms_fragment, "0.0233")


def sms_cost(settings: Settings, fragments: int) -> Decimal | None:
    """Give the price of fragments, each counted as often as its country costs."""
    return _times(fragments, sms_price(settings))


def letter_cost(settings: Settings, letters: int, sheets: int) -> Decimal | None:
    """Give the price of letters: each is posted, each sheet is printed."""
    posted = _times(letters, _price(settings, settings.price_letter_post, "0.57"))
    printed = _times(sheets, _price(settings, settings.price_letter_sheet, "0.11"))
    return None if posted is None or printed is None else posted + printed


def _price(settings: Settings, text: str, in_pounds: str) -> Decimal | None:
    """Give a price that is set; the profile of the published contract has figures of its own to begin with."""
    if not text and settings.money == "GBP":
        return Decimal(in_pounds)
    return Decimal(text) if text else None


def _times(number: int, price: Decimal | None) -> Decimal | None:
    if not number:
        return Decimal(0)  # nothing costs nothing, whatever the price
    return None if price is None else number * price
