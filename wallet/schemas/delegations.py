"""The form by which a person lets another act for her."""

from datetime import date, datetime, time, timedelta

from werkzeug.datastructures import MultiDict

from shared.clock import ZONE
from shared.run import InvalidRun, parse_run
from shared.web import gettext
from wallet.operations.delegations import PROXY_DAYS_MAX, ProxyTerms
from wallet.standards.acting import Power, Reach


def read_terms(form: MultiDict[str, str], *, today: date) -> tuple[ProxyTerms | None, list[tuple[str, str]]]:
    """Return the terms, or what is wrong with each field and what to do."""
    wrong: list[tuple[str, str]] = []
    try:
        run = str(parse_run(form.get("run", "")))
    except InvalidRun:
        run = ""
        wrong.append(("run", gettext("The RUN is not right. Check the digit after the hyphen.")))
    until = _day(form.get("until", ""))
    if until is None or not today < until <= today + timedelta(days=PROXY_DAYS_MAX):
        wrong.append(("until", gettext("Write a day in the next five years, like 2027-03-31.")))
    powers = frozenset(Power(name) for name in form.getlist("power") if name in set(Power))
    if wrong or until is None:
        return None, wrong
    datasets = frozenset(name[:100] for name in form.getlist("dataset") if name)
    ends_at = datetime.combine(until + timedelta(days=1), time(), ZONE)
    return ProxyTerms(run=run, powers=powers, reach=Reach(datasets=datasets), valid_until=ends_at), []


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
