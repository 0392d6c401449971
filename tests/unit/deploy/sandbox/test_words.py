"""Both languages are complete on the pages around the suite."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from deploy.sandbox import people

SITES = ("front", "inbox", "example", "registry", "banks")
ROOT = Path(__file__).resolve().parents[4] / "deploy" / "sandbox"
MARKED = re.compile(r'gettext_noop\(\s*"((?:[^"\\]|\\.)*)"')


def used(site: str) -> set[str]:
    environment = Environment(autoescape=True)
    found: set[str] = set()
    for template in (ROOT / site).rglob("*.html"):
        for _, _, message in extract_from_ast(environment.parse(template.read_text(encoding="utf-8")), ("_",)):
            text = message[0] if isinstance(message, tuple) else message  # None where a variable is translated
            found |= {text} if text else set()
    for source in (ROOT / site).rglob("*.py"):
        found |= set(MARKED.findall(source.read_text(encoding="utf-8")))
    return found


def catalogue(site: str) -> dict[str, str]:
    with (ROOT / site / "translations" / "es" / "messages.po").open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in read_po(file, locale="es", abort_invalid=True) if entry.id}


@pytest.mark.parametrize("site", SITES)
def test_every_sentence_has_its_spanish(site: str) -> None:
    spanish = catalogue(site)
    assert used(site) - set(spanish) == set()
    assert [english for english, translated in spanish.items() if not translated.strip()] == []


@pytest.mark.parametrize("site", SITES)
def test_a_translation_keeps_the_places_to_fill_in(site: str) -> None:
    places = re.compile(r"%\(\w+\)s")
    assert [
        english for english, spanish in catalogue(site).items() if sorted(places.findall(english)) != sorted(places.findall(spanish))
    ] == []


@pytest.mark.parametrize("site", SITES)
def test_no_translation_is_left_over(site: str) -> None:
    notes = {persona.note for persona in people.CITIZENS} | set(people.STAFF_ROLES) if site == "front" else set()
    assert set(catalogue(site)) - used(site) - notes == set()


def test_the_notes_about_people_are_translated() -> None:
    assert {persona.note for persona in people.CITIZENS} <= set(catalogue("front"))
