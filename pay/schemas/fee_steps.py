"""The console's form of a fee, one question a page: what was answered stands in the address until all is checked and sent.

Spec: requirements PA-10, PA-11; pages.md (one thing per page).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from pay.schemas.console import is_day, read_amount
from pay.schemas.fees import AMOUNT_MAX, CODE_MAX, NAME_MAX, PRODUCT_MAX, TEXT_MAX
from pay.standards.fee_rules import PRODUCT, Channel, Exemption, FeeRule
from shared.web import gettext

EXEMPTIONS = 3
CHECK = "check"
TYPED_MAX = 200
STEPS: Mapping[str, tuple[str, ...]] = {
    "product": ("product", "name"),
    "day": ("valid_from",),
    "amounts": tuple(channel.value for channel in Channel),
    **{f"exemption{n}": (f"text{n}", f"code{n}", f"reduced{n}", f"decide{n}") for n in range(1, EXEMPTIONS + 1)},
}
"""Which questions stand on which page, in their order; the last page shows all answers."""
_ORDER = (*STEPS, CHECK)
Faults = list[tuple[str, str]]


@dataclass(frozen=True)
class FeeStep:
    """The page to show: its questions, all answers so far, what is wrong with those of this page, and the rule when nothing is."""

    name: str
    values: Mapping[str, str]
    faults: Faults
    rule: FeeRule | None

    @property
    def others(self) -> dict[str, str]:
        """The answers of the other pages, which this page carries along."""
        return {name: value for name, value in self.values.items() if name not in STEPS.get(self.name, ())}

    @property
    def next(self) -> str:
        """The page after this one."""
        return CHECK if self.name == CHECK else _ORDER[_ORDER.index(self.name) + 1]

    @property
    def before(self) -> str | None:
        """The address of the page before this one; None for the first."""
        place = _ORDER.index(self.name)
        if self.name == CHECK:
            place = next((n for n in range(1, EXEMPTIONS + 1) if not self.values.get(f"text{n}")), EXEMPTIONS) + _ORDER.index("exemption1")
        return self.address(_ORDER[place - 1]) if place else None

    def address(self, step: str) -> str:
        """Return the query of another page, with all answers."""
        return urlencode({**self.values, "step": step})


def read_step(form: Mapping[str, str], currency: str, today: date) -> FeeStep:
    """Return the page that is asked for, or the first one before it whose answers are wrong."""
    values = {
        name: form[name].replace("\0", "").strip()[:TYPED_MAX] for names in STEPS.values() for name in names if form.get(name, "").strip()
    }
    wanted = form.get("step", "")
    wanted = wanted if wanted in _ORDER else _ORDER[0]
    if wanted.startswith("exemption") and wanted != "exemption1" and not values.get(f"text{int(wanted[-1]) - 1}"):
        wanted = CHECK  # nobody more pays less
    rule, faults = _read(values, currency, today)
    for step in _ORDER[: _ORDER.index(wanted)]:
        wrong = [fault for fault in faults if fault[0] in STEPS[step]]
        if wrong:
            return FeeStep(step, values, wrong, None)
    return FeeStep(wanted, values, [], rule)


def _read(typed: Mapping[str, str], currency: str, today: date) -> tuple[FeeRule | None, Faults]:
    """Return a rule, or what to do about each answer."""
    faults: Faults = []
    product, name, begins = typed.get("product", ""), typed.get("name", ""), typed.get("valid_from", "") or today.isoformat()
    if not PRODUCT.fullmatch(product) or len(product) > PRODUCT_MAX:
        faults.append(("product", gettext("Type small letters, digits and hyphens only.")))
    if not 0 < len(name) <= NAME_MAX:
        faults.append(("name", gettext("Say what is paid.")))
    if not is_day(begins):
        faults.append(("valid_from", gettext("Type the day like this: 2026-11-30.")))
    amounts: dict[Channel, int] = {}
    for channel in Channel:
        amount = read_amount(typed.get(channel.value, "") or typed.get(Channel.WEB.value, ""), currency)
        if amount is None or amount > AMOUNT_MAX:
            if channel is Channel.WEB or typed.get(channel.value):
                faults.append((channel.value, gettext("Type an amount.")))
        else:
            amounts[channel] = amount
    exemptions: list[Exemption] = []
    for number in range(1, EXEMPTIONS + 1):
        read, wrong = _exemption(typed, number, currency, {each.code for each in exemptions})
        faults += wrong
        exemptions += [read] if read else []
    if faults:
        return None, faults
    return FeeRule(product, 0, name, amounts, tuple(exemptions), date.fromisoformat(begins)), []


def _exemption(typed: Mapping[str, str], number: int, currency: str, codes: set[str]) -> tuple[Exemption | None, Faults]:
    text, reduced = typed.get(f"text{number}", ""), typed.get(f"reduced{number}", "")
    if not text:
        is_begun = reduced or typed.get(f"code{number}") or typed.get(f"decide{number}")
        return None, [(f"text{number}", gettext("Say who pays less, or leave all of this empty."))] if is_begun else []
    if len(text) > TEXT_MAX:
        return None, [(f"text{number}", gettext("Write at most %(n)s letters.", n=TEXT_MAX))]
    amount = read_amount(reduced or "0", currency)
    if amount is None or amount > AMOUNT_MAX:
        return None, [(f"reduced{number}", gettext("Type an amount."))]
    code = re.sub("[^a-z0-9]+", "-", typed.get(f"code{number}", "").lower()).strip("-") or f"exemption-{number}"
    if code[:CODE_MAX] in codes:
        return None, [(f"code{number}", gettext("Give each exemption a code of its own."))]
    return Exemption(code[:CODE_MAX], text, amount, typed.get(f"decide{number}") == "yes"), []
