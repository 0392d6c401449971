"""No secret stands in the repository: not in code, not in documents, not in examples (tests may have made-up ones)."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KINDS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    "private JWK": r'"d"\s*:\s*"[A-Za-z0-9_-]{20,}"',
    "AWS key": r"\bAKIA[0-9A-Z]{16}\b",
    "token of a code host": r"\bgh[pousr]_[A-Za-z0-9]{36}\b",
    "Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "Stripe key": r"\b[sr]k_live_[A-Za-z0-9]{16,}",
    "password in an address": r"[a-z]+://[^/\s:@'\"{}$]+:(?!\*|x+@|…)[^/\s@'\"{}$]{6,}@",
}
MADE_UP = {
    "postgresql://role:password@": "how an address is made up",
}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name and not name.startswith(("tests/", "requirements/"))]
    return [path for path in paths if path.is_file() and path.suffix not in {".woff2", ".png", ".pdf", ".ico", ".mo"}]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_kind_is_tracked(kind: str) -> None:
    found = []
    for path in tracked():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), 1):
            if re.search(KINDS[kind], line) and not any(example in line for example in MADE_UP):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("private key", "-----BEGIN EC PRIVATE KEY-----"),
        ("private JWK", '{"kty":"EC","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}'),
        ("password in an address", "postgresql://pay:hunter22@db/pay"),
    ],
)
def test_the_search_finds_what_it_looks_for(kind: str, text: str) -> None:
    assert re.search(KINDS[kind], text)
