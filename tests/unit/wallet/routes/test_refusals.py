"""What a page can refuse is said in the visitor's language; what only systems read is English.  Spec: wallet contract U14; pages.md."""

import ast
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import shared.problems
import wallet.errors
from shared.problems import Problem
from tests.factories.wallet import World
from tests.unit.wallet.routes.test_console import staff
from tests.wording import ROOT, catalogue

FOR_SYSTEMS = {
    "operations": """bulk bulk_outcomes callers consent_flows consent_grants consent_requests coverage exchange fetches gate recipients
        registry_file reports status_lists streams token_requests usages visibility""",
    "routes": """access account_events agreements consent_flows consent_requests directory exchange recipients reports status_lists
        streams usages""",
}
"""Modules whose refusals no page shows."""


def details(room: str) -> Iterator[tuple[str, str]]:
    """Yield where a refusal is raised and the text that goes with it."""
    for source in sorted((ROOT / "wallet" / room).glob("*.py")):
        if source.stem in FOR_SYSTEMS[room].split():
            continue
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _is_problem(node.exc.func) and node.exc.args:
                yield f"{source.name}:{node.lineno}", _text(node.exc.args[0])


def _is_problem(kind: ast.expr) -> bool:
    name = kind.id if isinstance(kind, ast.Name) else ""
    found = getattr(wallet.errors, name, None) or getattr(shared.problems, name, None)
    return isinstance(found, type) and issubclass(found, Problem)


def _text(value: ast.expr) -> str:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in {"gettext_noop", "gettext"}:
        return _text(value.args[0])
    if isinstance(value, ast.Constant):
        return str(value.value)
    return "" if isinstance(value, ast.Attribute | ast.Name) else ast.unparse(value)  # a text that stands elsewhere is looked at there


@pytest.mark.rule("wallet", "U14")
@pytest.mark.parametrize("room", FOR_SYSTEMS)
def test_each_refusal_that_a_page_may_show_has_its_spanish(room: str) -> None:
    known = [catalogue(Path(ROOT / folder), "es") for folder in ("wallet", "shared/web")]
    lacking = [(place, text) for place, text in details(room) if text and not any(one.get(text) for one in known)]
    assert [one for one in lacking if one[1] != "empty or too long"] == []  # which a page catches and says better


@pytest.mark.rule("wallet", "U14")
def test_a_refusal_is_read_in_the_language_of_the_browser(world: World) -> None:
    address = f"/receipts/{uuid.UUID(int=1)}"
    for wish, words in (("es-CL,es;q=0.9", "No tiene un comprobante con ese número."), ("en-GB", "You have no receipt with this number.")):
        answer = world.browser().get(address, headers={"Accept-Language": wish})
        assert (answer.status_code, words in answer.text) == (404, True), answer.text
    page = staff(world, "org-other:owner").get("/console/agreements/agr-law/1", headers={"Accept-Language": "es"})
    assert "Su institución no tiene un acuerdo con ese código y versión." in page.text
