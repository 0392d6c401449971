"""The countries a billing address may be in, by name in the language of the page."""

import re
from functools import cache, lru_cache

from babel import Locale
from markupsafe import Markup

_NOT_COUNTRIES = frozenset({"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"})


@cache
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """Return (code, name), by name.  Spec: ISO 3166-1 alpha-2."""
    territories = Locale.parse("es_CL" if language == "es" else "en_GB").territories
    found = [(code, name) for code, name in territories.items() if re.fullmatch("[A-Z]{2}", code) and code not in _NOT_COUNTRIES]
    return tuple(sorted(found, key=lambda country: country[1]))


@lru_cache(maxsize=256)
def country_options(language: str, chosen: str) -> Markup:
    """Return the options of a list of them; made once, for most payers live where the service is."""
    option = Markup('<option value="{}"{}>{}</option>')
    selected = Markup(" selected")
    return Markup("\n").join(option.format(code, selected if code == chosen else "", name) for code, name in countries(language))
