"""Amounts as people read them.  Spec: ISO 4217 (how many decimals a currency has); pages.md "Words"."""

from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision

LOCALES = {"CLP": "es_CL", "GBP": "en_GB"}


def money(amount_minor: int, currency: str) -> str:
    """Write an amount in minor units: `$14.500` for pesos, which have none, `£145.00` for pounds."""
    value = Decimal(amount_minor).scaleb(-get_currency_precision(currency))
    return format_currency(value, currency, locale=LOCALES.get(currency, "en"))
