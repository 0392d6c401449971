"""An agreement asked for page by page, as a dataset is declared: what was answered goes along, and all is shown before the draft.

Spec: wallet contract §9; pages.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from werkzeug.datastructures import MultiDict

from wallet.models.dataset import Dataset
from wallet.schemas.console import Wrong, read_agreement

CHECK = "check"
ASKED: Mapping[str, tuple[str, ...]] = {
    "data": ("field",),
    "purpose": ("purpose", "procedure"),
    "right": ("legal_basis", "law_reference", "sensitive_article"),
    "extent": ("per_day", "bulk", "valid_until"),
    "code": ("agreement_id",),
}
"""The pages in their order, and what each asks."""
PAGES = (*ASKED, CHECK)
WRONG_ON: Mapping[str, str] = {
    "datasets": "data",
    "purposes": "purpose",
    "procedure_codes": "purpose",
    "legal_basis": "right",
    "law_reference": "right",
    "sensitive_article": "right",
    "volume": "extent",
    "valid_until": "extent",
    "agreement_id": "code",
}
"""On which page each fault is mended."""
CARRIED = ("template", "dataset", "body", "checked")


@dataclass(frozen=True)
class AgreementStep:
    """The page to show, what was answered so far, and what is wrong on it."""

    name: str
    form: MultiDict[str, str]
    wrong: Wrong

    @property
    def before(self) -> str:
        """The page that stands before this one, empty before the first."""
        if self.form.get("checked"):
            return "" if self.name == CHECK else CHECK
        return PAGES[PAGES.index(self.name) - 1] if self.name != PAGES[0] else ""

    @property
    def others(self) -> list[tuple[str, str]]:
        """What was answered on other pages and goes along."""
        known = (*CARRIED, *(name for page, names in ASKED.items() if page != self.name for name in names))
        return [(name, value) for name in known for value in self.form.getlist(name) if value]


def first_step(**chosen: str) -> AgreementStep:
    """Return the first page, about the terms and the data that were chosen."""
    return AgreementStep(PAGES[0], MultiDict(chosen), [])


def read_step(form: MultiDict[str, str], dataset: Dataset, *, now: datetime) -> AgreementStep:
    """Return the page that follows what was answered, or the same one with what is wrong."""
    form, page, wanted = MultiDict(form), _page(form.get("step", "")), form.get("to", "")
    if wanted and wanted == AgreementStep(page, form, []).before:
        return _shown(wanted, form, [])
    wrong = [one for one in read_agreement(form, dataset, now=now)[1] if WRONG_ON[one[0]] == page]
    if wrong:
        return _shown(page, form, wrong)
    if wanted:
        return _shown(_page(wanted), form, [])
    return _shown(CHECK if form.get("checked") or page == CHECK else PAGES[PAGES.index(page) + 1], form, [])


def mending(form: MultiDict[str, str], wrong: Wrong) -> AgreementStep:
    """Return the page on which the first fault of the whole is mended."""
    page = WRONG_ON[wrong[0][0]]
    return _shown(page, MultiDict(form), [one for one in wrong if WRONG_ON[one[0]] == page])


def _shown(page: str, form: MultiDict[str, str], wrong: Wrong) -> AgreementStep:
    if page == CHECK:
        form["checked"] = "1"
    return AgreementStep(page, form, wrong)


def _page(name: str) -> str:
    """Return a page that exists."""
    return name if name in PAGES else PAGES[0]
