"""The helper that finds missing translations finds each kind of message."""

from pathlib import Path

import pytest

from tests.wording import missing, sayings, unused

PYTHON = """
from shared.problems import Problem
class Gone(Problem):
    slug = "gone"
    title = "It is gone"
X = gettext_noop("Stored")
def f(n): return _("Said"), ngettext("%(n)s day", "%(n)s days", n), pgettext("door", "Open")
"""
TEMPLATE = '{% block title %}{{ _("Titled") }}{% endblock %}{% for x in y %}{{ _("Hello %(name)s", name=x) }}{% endfor %}'


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "toy" / "templates").mkdir(parents=True)
    (tmp_path / "toy" / "errors.py").write_text(PYTHON)
    (tmp_path / "toy" / "templates" / "page.html").write_text(TEMPLATE)
    return tmp_path / "toy"


def write(package: Path, text: str) -> None:
    folder = package / "translations" / "es"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_text('msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n' + text, encoding="utf-8")


def test_it_finds_python_templates_and_problem_titles(package: Path) -> None:
    assert {saying.text for saying in sayings(package)} == {"It is gone", "Stored", "Said", "%(n)s day", "Open", "Titled", "Hello %(name)s"}


def test_it_tells_where_a_missing_one_stands(package: Path) -> None:
    assert "toy/templates/page.html:1: Titled" in missing(package)


@pytest.mark.parametrize(
    "po", ['msgid "Said"\nmsgstr ""\n', '#, fuzzy\nmsgid "Said"\nmsgstr "Dicho"\n', ""], ids=["empty", "fuzzy", "none"]
)
def test_an_empty_or_doubtful_translation_is_none(package: Path, po: str) -> None:
    write(package, po)
    assert any(line.endswith(": Said") for line in missing(package))


def test_all_plural_forms_and_the_context_count(package: Path) -> None:
    write(
        package,
        'msgid "%(n)s day"\nmsgid_plural "%(n)s days"\nmsgstr[0] "día"\nmsgstr[1] ""\n\n'
        'msgid "Open"\nmsgstr "Abrir"\n\nmsgid "Said"\nmsgstr "Dicho"\n',
    )
    lacking = " ".join(missing(package))
    assert "day" in lacking
    assert "Open" in lacking
    assert "Said" not in lacking


def test_it_finds_what_nobody_says_any_more(package: Path) -> None:
    write(package, 'msgid "Said"\nmsgstr "Dicho"\n\nmsgid "Forgotten"\nmsgstr "Olvidado"\n')
    assert unused(package) == ["Forgotten"]
