"""The log of a person to take along, as JSON, as a table and as a PDF: each carries the proofs and the signed checkpoint.

Spec: wallet contract §10.2, §10.3.
"""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import typst

from shared.audit.proofs import ExportedEntry, NotInLog
from shared.clock import rfc3339
from shared.web.words import gettext, language, moment, number
from wallet.context import Wallet
from wallet.operations.access_log import LIMIT_MAX, Filters, Line, prove_access, read_log
from wallet.operations.presence import Presence

LAYOUT = Path(__file__).resolve().parents[1] / "templates" / "wallet"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run."""
COLUMNS = (
    *("at", "body", "source", "dataset", "fields", "purpose", "basis", "outcome", "txn"),
    *("people", "criteria", "proofs", "verifier_key"),
)


@dataclass(frozen=True)
class Exported:
    """A line with the proof of each of its entries; `proof` is null until the next checkpoint is signed."""

    line: Line
    entries: list[dict[str, str | ExportedEntry | None]]


def export_log(wallet: Wallet, presence: Presence, filters: Filters, *, lang: str, limit: int = LIMIT_MAX) -> list[Exported]:
    """Return the newest lines with their proofs."""
    lines = read_log(wallet, presence, filters, lang=lang, limit=limit).lines
    return [Exported(line, [_proven(wallet, presence, entry_id) for entry_id in line.entry_ids]) for line in lines]


def _proven(wallet: Wallet, presence: Presence, entry_id: str) -> dict[str, str | ExportedEntry | None]:
    try:
        return {"entry_id": entry_id, "proof": prove_access(wallet, presence, UUID(entry_id))}
    except NotInLog:
        return {"entry_id": entry_id, "proof": None}


def rendered(line: Line) -> dict[str, object]:
    """Return a line as data."""
    return {
        "txn": line.txn,
        "at": rfc3339(line.at),
        "accessor": {"org_id": line.org_id, "name": line.org_name, **({"handled_by": line.handled_by} if line.handled_by else {})},
        "source": {"name": line.source_name, "dataset_id": line.dataset_id, "title": line.dataset_title},
        "fields": list(line.fields),
        "purpose": line.purpose_text,
        "basis": line.basis,
        "procedure_code": line.procedure_code,
        "outcome": line.outcome,
        "reason": line.reason,
        "entry_ids": list(line.entry_ids),
        **({"bulk": {"people": line.people, "criteria": line.criteria}} if line.people else {}),
    }


def document_of(wallet: Wallet, exported: Iterable[Exported]) -> dict[str, object]:
    """Return the export as one JSON document, which `andamio audit check` reads."""
    lines = [{**rendered(one.line), "entries": one.entries} for one in exported]
    return {"verifier_key": wallet.audit_signer.verifier_key, "lines": lines}


def table_of(wallet: Wallet, exported: Iterable[Exported]) -> str:
    """Return the export as CSV; a cell that a spreadsheet would run begins with an apostrophe."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for one in exported:
        line, proofs = one.line, json.dumps(one.entries, ensure_ascii=False)
        cells = [rfc3339(line.at), line.org_name, line.source_name or "", line.dataset_title, "; ".join(line.field_titles)]
        cells += [line.purpose_text, _basis(line), line.outcome, line.txn, str(line.people or ""), line.criteria or "", proofs]
        cells.append(wallet.audit_signer.verifier_key)
        writer.writerow(["'" + cell if cell.startswith(FORMULA) else cell for cell in cells])
    return "\ufeff" + table.getvalue()


def pdf_of(wallet: Wallet, exported: list[Exported], *, at: datetime) -> bytes:
    """Return the export as a tagged PDF (PDF/UA-1) to read and to print, with the JSON document attached for whoever checks it."""
    said = {
        "language": language(),
        "title": gettext("Who asked for your data"),
        "made": gettext("Made on %(moment)s.", moment=moment(at)),
        "intro": gettext("Every time somebody asks for your data through here, it is written down first. What the data say is not kept."),
        "empty": gettext("Nobody has asked for your data through here."),
        "lines": [_printed(one.line) for one in exported],
        "proof_title": gettext("How to check this"),
        "proof": gettext(
            "This file holds the proof of each line, as an attachment. Anybody can check it without us: andamio audit check FILE."
        ),
        "key_label": gettext("Key of the log"),
        "key": wallet.audit_signer.verifier_key,
        "checkpoint_label": gettext("Signed state of the log"),
        "checkpoint": _checkpoint(exported),
        "attached": gettext("The same list as data, with its proofs"),
    }
    made: bytes = typst.compile(
        LAYOUT / "access_log.typ",
        format="pdf",
        font_paths=[LAYOUT / "fonts"],
        ignore_system_fonts=True,
        sys_inputs={"said": json.dumps(said), "document": json.dumps(document_of(wallet, exported), ensure_ascii=False)},
        pdf_standards=["ua-1"],
        timestamp=int(at.timestamp()),
    )
    return made


def _printed(line: Line) -> dict[str, object]:
    """Return a line as it is read on paper: a heading and facts, each with its name."""
    facts = [
        (gettext("Result"), result_text(line)),
        (gettext("Data"), f"{line.dataset_title}: {', '.join(line.field_titles)}"),
        (gettext("From where"), line.source_name or ""),
        (gettext("What for"), line.purpose_text),
        (gettext("With what right"), _basis(line)),
        (gettext("How many people"), number(line.people) if line.people else ""),
        (gettext("How they were chosen, in the body's words"), line.criteria or ""),
        (gettext("Number of the exchange"), line.txn),
    ]
    who = f"{line.org_name} ({line.handled_by})" if line.handled_by else line.org_name
    return {"heading": f"{who}, {moment(line.at)}", "facts": [fact for fact in facts if fact[1]]}


def result_text(line: Line) -> str:
    """Return what came of an access, in the language of the moment."""
    words = {
        "released": gettext("They got the data."),
        "no_record": gettext("There was nothing about you."),
        "failed": gettext("It did not work. They got nothing."),
        "previewed": gettext("You look at them first. They got nothing yet."),
        "preview_declined": gettext("You looked and said no. They got nothing."),
        "attempt": gettext("It is under way."),
    }
    return words.get(line.outcome, gettext("Refused. They got nothing."))


def _basis(line: Line) -> str:
    return line.basis.get("law_reference") or line.basis.get("id") or line.basis["kind"]


def _checkpoint(exported: Iterable[Exported]) -> str:
    """Return the newest checkpoint that an entry is under, empty while there is none."""
    proofs = [proof for one in exported for entry in one.entries if isinstance(proof := entry["proof"], dict)]
    return max(proofs, key=lambda proof: proof["tree_size"])["checkpoint"] if proofs else ""
