"""What a page calls by a class of the style sheets has a rule there."""

import re

from tests.wording import ROOT

PACKAGES = ("identity", "notify", "pay", "wallet", "shared")
NAME = re.compile(r"(?<![\w#./-])((?:govuk|app)-[a-z]\w*+(?:-++\w++)*+)(?!-*\{)")
WITHOUT_RULES = {
    "govuk-checkboxes",
    "govuk-panel__body",
    "govuk-radios",
    "govuk-table__body",
    "govuk-table__caption--s",
    "govuk-table__head",
    "govuk-table__row",
}
"""Names of parts that look like what is around them; scripts and other rules find them by these."""


def test_every_class_of_a_page_has_a_rule() -> None:
    sheets = [*(ROOT / "shared/web/static").glob("*.css"), *ROOT.glob("*/static/*.css")]
    known = {name for sheet in sheets for name in re.findall(r"\.((?:govuk|app)-[\w-]+)", sheet.read_text(encoding="utf-8"))}
    unknown = {
        f"{page.relative_to(ROOT)}: {name}"
        for package in PACKAGES
        for page in (ROOT / package).rglob("*.html")
        for name in NAME.findall(page.read_text(encoding="utf-8"))
        if name not in known | WITHOUT_RULES
    }
    assert unknown == set()
