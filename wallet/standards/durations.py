"""Lengths of time as ISO 8601 writes them (`P30D`, `P1Y`, `PT12H`), to be compared."""

import re

_FORM = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_SECONDS = (365 * 86_400, 30 * 86_400, 7 * 86_400, 86_400, 3600, 60, 1)


def seconds_of(text: str) -> float:
    """Return a length in seconds, a year as 365 and a month as 30 days; what is none is longer than any."""
    found = _FORM.fullmatch(text)
    if found is None or text in {"P", "PT"}:
        return float("inf")
    return float(sum(int(part) * unit for part, unit in zip(found.groups(), _SECONDS, strict=True) if part))
