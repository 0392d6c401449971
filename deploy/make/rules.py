"""`make rules`: writes docs/conformance.md, the table of contract rules and the tests that would fail without them.

The tests say it themselves: `@pytest.mark.rule("pay", "§5.2", "A13")`.
"""

import contextlib
import io
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "conformance.md"
HEAD = """# Conformance

Which rules of the contracts are held by which tests. Written by `make rules` from the tests' `rule` markers; do not edit.
"""


class Collector:
    """A pytest plugin that notes the markers of what was collected: contract → rule → tests."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Called by pytest with all tests at hand."""
        for item in session.items:
            name = item.nodeid.partition("[")[0]
            for marker in item.iter_markers("rule"):
                contract, *rules = marker.args
                for rule in rules:
                    self.found[contract][rule].add(name)


def render(found: dict[str, dict[str, set[str]]]) -> str:
    """The page."""
    parts = [HEAD]
    for contract in sorted(found):
        rules = found[contract]
        parts.append(f"\n## {contract}: {len(rules)} rules\n\n| rule | tests |\n|---|---|\n")
        parts += [f"| {rule} | {'<br>'.join(f'`{test}`' for test in sorted(rules[rule]))} |\n" for rule in sorted(rules, key=_order)]
    return "".join(parts)


def _order(rule: str) -> list[tuple[int, str]]:
    """Sort §9 before §10."""
    pieces = "".join(character if character.isdigit() else f" {character} " for character in rule).split()
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces]


def main() -> int:
    """Collect, write the page, say how many."""
    collector = Collector()
    with contextlib.redirect_stdout(io.StringIO()):  # the list of what was collected
        status = pytest.main(["--collect-only", "-qq", "--no-header", str(ROOT / "tests")], plugins=[collector])
    if status != pytest.ExitCode.OK:
        print("andamio: the tests could not be collected; run `make test` to see why.", file=sys.stderr)
        return 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render(collector.found))
    print(f"{sum(map(len, collector.found.values()))} rules in {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
