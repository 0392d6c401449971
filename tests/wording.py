"""Which words a package says, and which of them lack a translation."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
METHODS = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract"), ("**.txt", "jinja2.ext:babel_extract")]
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}


@dataclass(frozen=True)
class Saying:
    """One message of the source: text, plural or empty, context or empty, and where it stands."""

    text: str
    plural: str
    context: str
    place: str


def sayings(folder: Path) -> Iterator[Saying]:
    """Yield every message of a package: marked ones in Python and templates, and the titles of its problems."""
    for file, line, message, _comments, context in extract_from_dir(folder, method_map=METHODS, keywords=KEYWORDS):
        parts = message if isinstance(message, tuple) else (message, "")
        yield Saying(parts[0], parts[1] or "", context or "", f"{folder.name}/{file}:{line}")
    for source in sorted(folder.rglob("*.py")):
        yield from _problem_titles(source, folder)


def _problem_titles(source: Path, folder: Path) -> Iterator[Saying]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ClassDef):
            continue
        values = {
            target.id: statement.value
            for statement in node.body
            if isinstance(statement, ast.Assign | ast.AnnAssign)
            for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
            if isinstance(target, ast.Name)
        }
        title = values.get("title")
        if "slug" in values and isinstance(title, ast.Constant) and isinstance(title.value, str):
            yield Saying(title.value, "", "", f"{source.relative_to(folder.parent)}:{title.lineno}")


def catalogue(folder: Path, language: str) -> Catalog:
    """Read a package's catalogue; an empty one where it has none."""
    path = folder / "translations" / language / "messages.po"
    if not path.is_file():
        return Catalog(locale=language)
    with path.open("rb") as source:
        return read_po(source, locale=language, abort_invalid=True)


def missing(folder: Path, language: str = "es", *, also: tuple[Path, ...] = ()) -> list[str]:
    """List the messages of a package that neither its own catalogue nor those of `also` translate, in all their forms."""
    catalogues = [catalogue(place, language) for place in (folder, *also)]
    lacking = []
    for saying in sayings(folder):
        found = [entry for one in catalogues if (entry := one.get(saying.text, saying.context or None)) and not entry.fuzzy]
        forms = [entry.string if isinstance(entry.string, tuple) else (entry.string,) for entry in found]
        if not any(all(form) and (not saying.plural or len(form) > 1) for form in forms):
            lacking.append(f"{saying.place}: {saying.text}")
    return sorted(set(lacking))


def unused(folder: Path, source: Path | None = None, language: str = "es") -> list[str]:
    """List the translations of a package whose message is nowhere in its source any more."""
    source = source or folder
    said = {saying.text for saying in sayings(source)}
    for file in source.rglob("*.py"):
        said |= {
            node.value
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    ids = [entry.id if isinstance(entry.id, str) else entry.id[0] for entry in catalogue(folder, language) if entry.id]
    return sorted(text for text in ids if text not in said)
