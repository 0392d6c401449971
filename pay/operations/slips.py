"""Printed slips: a notice on paper, for people who pay at a counter: large print, groups of four, two codes.  Spec: pay-design.md §8."""

import io
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import pypdf
import typst

from pay.context import Pay
from pay.operations.notices import Slip
from pay.standards.money import money
from pay.standards.slip_codes import code_128_svg, code_128_text, qr_svg, qr_text
from shared.clock import ZONE
from shared.web.words import code, day, gettext, run, speaking

LAYOUT = Path(__file__).resolve().parents[1] / "templates" / "pay"


FileFormat = Literal["pdf", "png"]
PICTURE_PPI = 150


def print_layout(name: str, values: object, *, at: datetime, form: FileFormat = "pdf") -> bytes:
    """Return the file of a layout, a PDF/UA or a picture; all that it says comes as JSON: nothing of a payment is read as markup."""
    made: bytes = typst.compile(
        LAYOUT / f"{name}.typ",
        format=form,
        ppi=PICTURE_PPI if form == "png" else None,
        font_paths=[LAYOUT / "fonts"],
        ignore_system_fonts=True,
        sys_inputs={name: json.dumps(values)},
        pdf_standards=["ua-1"] if form == "pdf" else [],
        timestamp=int(at.timestamp()),
    )
    return made


def slip_file(pay: Pay, slip: Slip, form: FileFormat = "pdf") -> bytes:
    """Return a slip in the language of its payment."""
    with speaking(slip.payment.language):
        return print_layout(
            "slip", {"language": slip.payment.language, "slips": [_values(pay, slip)]}, at=slip.notice.created_at, form=form
        )


def slips_pdf(pay: Pay, slips: Sequence[Slip]) -> bytes:
    """Return many slips in one file, one a sheet, each in its own language."""
    writer = pypdf.PdfWriter()
    for slip in slips:
        writer.append(io.BytesIO(slip_file(pay, slip)))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _values(pay: Pay, slip: Slip) -> dict[str, object]:
    notice, payment, account = slip.notice, slip.payment, slip.account
    link = qr_text(pay.settings.public_url, notice.number, payment.amount_minor)
    until = payment.expires_at.astimezone(ZONE).date()
    facts = [
        (gettext("Payment for"), payment.description),
        (gettext("To"), account.service_name),
        (gettext("Reference"), payment.reference),
        (gettext("Pay by"), day(notice.due_on)),
    ]
    if notice.debtor.is_known:
        who = " · ".join(part for part in (notice.debtor.name, run(notice.debtor.identifier)) if part)
        facts.insert(0, (gettext("For"), who))
    if notice.instalments > 1:
        facts.append((gettext("Instalment"), gettext("%(n)s of %(all)s", n=notice.instalment, all=notice.instalments)))
    return {
        "title": gettext("Payment notice"),
        "operator": pay.settings.operator_name,
        "amount_label": gettext("Amount to pay"),
        "amount": money(payment.amount_minor, payment.currency),
        "facts": facts,
        "number_label": gettext("Notice number"),
        "number": code(notice.number),
        "qr": qr_svg(link),
        "qr_words": gettext("Scan this code to pay with your telephone."),
        "bars": code_128_svg(code_128_text(notice.number, payment.amount_minor)),
        "bars_words": code_128_text(notice.number, payment.amount_minor),
        "steps_label": gettext("How to pay"),
        "steps": [
            gettext("At a counter: show this page, or say the notice number. Pay in cash or by card."),
            gettext("Online: scan the code, or go to %(address)s and type the number.", address=pay.settings.public_url + "/notice"),
            gettext("By telephone: call %(phone)s. We send you a link to pay.", phone=pay.settings.help_phone),
        ],
        "after": gettext(
            "After %(day)s the amount may change. This notice can be paid until %(until)s.", day=day(notice.due_on), until=day(until)
        ),
        "help": gettext("Keep your receipt. Questions? Call %(phone)s.", phone=pay.settings.help_phone),
    }
