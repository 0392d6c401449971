"""Forms of the console: read by the schemas of the API, with what is wrong said in words at its place."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from marshmallow import ValidationError
from werkzeug.datastructures import MultiDict

from shared.clock import ZONE, rfc3339
from shared.web import gettext
from wallet.models.dataset import Dataset
from wallet.operations.agreements import Terms
from wallet.operations.registry import DatasetDeclaration
from wallet.schemas.agreements import DraftSchema
from wallet.schemas.registry import DatasetSchema

Wrong = list[tuple[str, str]]
DAY_SECONDS = 86_400
ROWS_MAX = 60
ROW = ("id", "title_es", "title_en", "kind", "concept", "sensitive")


def read_agreement(form: MultiDict[str, str], dataset: Dataset, *, now: datetime) -> tuple[tuple[str, Terms] | None, Wrong]:
    """Return the template and the terms that the form asks for, or what is wrong with each field."""
    until = _day(form.get("valid_until", ""))
    ends = datetime.combine(until + timedelta(days=1), time(), ZONE) if until else now
    chosen = {"dataset_id": dataset.dataset_id, "version": dataset.version, "fields": form.getlist("field")}
    procedure, per_day = form.get("procedure", "").strip(), form.get("per_day", "").strip()
    body: dict[str, Any] = {
        "template_id": form.get("template", ""),
        "agreement_id": form.get("agreement_id", "").strip(),
        "provider": dataset.org_id,
        "datasets": [chosen],
        "purposes": [form.get("purpose", "")],
        "procedure_codes": [procedure] if procedure else [],
        "legal_basis": form.get("legal_basis", ""),
        "volume": {"per_day": _number(per_day)},
        "valid_from": rfc3339(now.replace(microsecond=0)),
        "valid_until": rfc3339(ends) if ends > now else "",
    }
    body |= {name: form[name].strip() for name in ("law_reference", "sensitive_article") if form.get(name, "").strip()}
    try:
        return DraftSchema().load(body), []
    except ValidationError as error:
        return None, _said(error, _agreement_words())


def _agreement_words() -> dict[str, str]:
    return {
        "agreement_id": gettext("Write a code with letters, digits and . _ - and no spaces."),
        "datasets": gettext("Choose at least one piece of data."),
        "purposes": gettext("Choose what the data are for."),
        "procedure_codes": gettext("Choose the procedure from the list."),
        "legal_basis": gettext("Choose with what right you ask."),
        "law_reference": gettext("Write the law and its article in at most 300 characters."),
        "sensitive_article": gettext("Write the article in at most 300 characters."),
        "volume": gettext("Write how many times a day, as a number from 1."),
        "valid_until": gettext("Write a later day, like 2027-03-31."),
    }


def read_dataset(form: MultiDict[str, str]) -> tuple[DatasetDeclaration | None, Wrong]:
    """Return the declaration that the form makes, or what is wrong with each field."""
    body: dict[str, Any] = {
        "dataset_id": form.get("dataset_id", "").strip(),
        "audience": form.get("audience", "").strip(),
        "endpoint": form.get("endpoint", "").strip(),
        "title": _texts(form, "title"),
        "description": _texts(form, "description"),
        "classification": form.get("classification", ""),
        "subject_kinds": form.getlist("subject_kind"),
        "procedure_codes": form.get("procedure_codes", "").replace(",", " ").split(),
        "consent_max_seconds": _number(form.get("consent_max_days", "365")) * DAY_SECONDS,
        "cache_max_seconds": _number(form.get("cache_max_seconds", "0") or "0"),
        "fields": [row_body(row) for row in rows_of(form)],
    }
    try:
        return DatasetSchema().load(body), []
    except ValidationError as error:
        return None, _said(error, _dataset_words())


def row_body(row: Mapping[str, str]) -> dict[str, Any]:
    """Return one piece of data as the API would send it."""
    return {
        "field_id": row["id"],
        "title": {lang: row[f"title_{lang}"] for lang in ("es", "en") if row[f"title_{lang}"]},
        "kind": row["kind"],
        "dpv_category": row["concept"],
        "sensitive": row["sensitive"] == "1",
    }


def _dataset_words() -> dict[str, str]:
    return {
        "dataset_id": gettext("Write a code with letters, digits and . _ - and no spaces."),
        "audience": gettext("Write the name by which your system knows itself in tokens, such as its address."),
        "endpoint": gettext("Write an address that begins with https://, soap+https://, csv: or sql:"),
        "title": gettext("Write a title, in Spanish at least."),
        "description": gettext("Say in a sentence what it holds, in Spanish at least."),
        "classification": gettext("Choose of which kind the data are."),
        "subject_kinds": gettext("Choose whom the data are about."),
        "procedure_codes": gettext("Write codes of procedures with a space between."),
        "consent_max_seconds": gettext("Write a number of days from 1 to 3660."),
        "cache_max_seconds": gettext("Write a number of seconds from 0 to 86400."),
        "fields": gettext("Say at least one piece of data, each with a code of its own."),
    }


def rows_of(form: MultiDict[str, str]) -> list[dict[str, str]]:
    """Return the pieces of data as they were typed."""
    count = min(_number(form.get("rows", "")), ROWS_MAX)
    return [{name: form.get(f"row-{number}-{name}", "").strip() for name in ROW} for number in range(count)]


def form_of(row: Dataset) -> MultiDict[str, str]:
    """Return the form that would declare a dataset as it stands, for the next version."""
    form = MultiDict[str, str]({"dataset_id": row.dataset_id, "audience": row.audience, "endpoint": row.endpoint})
    form.update({"classification": row.classification, "procedure_codes": " ".join(row.procedure_codes), "system": row.client_id})
    form.update({"consent_max_days": str(row.consent_max_seconds // DAY_SECONDS), "cache_max_seconds": str(row.cache_max_seconds)})
    form.update({f"title_{lang}": row.title.get(lang, "") for lang in ("es", "en")})
    form.update({f"description_{lang}": row.description.get(lang, "") for lang in ("es", "en")})
    form.setlist("subject_kind", list(row.subject_kinds))
    form["rows"] = str(len(row.fields))
    for number, field in enumerate(row.listed().values()):
        form.update({f"row-{number}-id": field.field_id, f"row-{number}-kind": field.kind, f"row-{number}-concept": field.dpv_category})
        form.update({f"row-{number}-title_{lang}": field.title.get(lang, "") for lang in ("es", "en")})
        form[f"row-{number}-sensitive"] = "1" if field.sensitive else ""
    form.update({"follows": f"{row.version}-{row.lock}", "checked": "1"})
    return form


def _said(error: ValidationError, words: Mapping[str, str]) -> Wrong:
    """Return what to do about each field that is wrong, in the order of the form."""
    found = set(error.messages_dict)
    said = [(name, text) for name, text in words.items() if name in found]
    return said or [(next(iter(words)), gettext("Something in this form cannot be read. Write it again."))]


def _texts(form: MultiDict[str, str], name: str) -> dict[str, str]:
    typed = {lang: form.get(f"{name}_{lang}", "").strip() for lang in ("es", "en")}
    return {lang: text for lang, text in typed.items() if text}


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else 0


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
