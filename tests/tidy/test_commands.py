"""Commands that stand in documents are ones that the program has, with those options."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deploy import cli

ROOT = Path(__file__).resolve().parents[2]
PLACES = {"SERVICE": "pay", "SERVICE…": "pay", "RATE": "1", "N": "2", "[N]": "2", "MINOR": "1"}
"""What stands for something of the reader's."""
COMPOSE = yaml.safe_load((ROOT / "deploy/install/files/compose.yaml").read_text())["services"]
OURS = {name: service for name, service in COMPOSE.items() if str(service["image"]).startswith("${ANDAMIO_IMAGE")}
ONLY_NAMED = ("arguments are required", "expected one argument")
"""What the parser says of a command or an option that a text names and does not use."""
INLINE = re.compile(r"`((?:andamio|docker compose run|docker run) [^`]+)`")
BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def documents() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [ROOT / name for name in listed if name != "CHANGELOG.md"]


def commands(text: str) -> Iterator[str]:
    """Whole lines of blocks, put together where they go on, and what stands between the words."""
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith(("andamio ", "docker compose run", "docker run")):
                yield line
    yield from INLINE.findall(BLOCK.sub("", text))


def words_of(line: str) -> list[str] | None:
    """The words that our program is given by a line; None where it is not ours, or left unfinished."""
    bare = re.sub(r"\$\([^)]*\)", "of-today", line.partition("  #")[0]).replace("[--", "--").replace("]", "")
    words = [PLACES.get(word, word) for word in shlex.split(bare)]
    if words[0] == "andamio":
        given = words[1:]
    elif words[:3] == ["docker", "compose", "run"]:
        place = next(at for at, word in enumerate(words) if word in OURS)
        container = OURS[words[place]]
        given = [*container.get("entrypoint", ["andamio"])[1:], *(words[place + 1 :] or container.get("command", []))]
    else:
        given = words[words.index("andamio") + 1 :] if "andamio" in words else []
    return None if not given or "…" in given or given[-1].endswith("…") else given


def fault_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the program would say to these words; empty where it would do them."""
    try:
        _, rest = cli.make_parser().parse_known_args(words)
    except SystemExit:
        said = capsys.readouterr().err.strip().splitlines()[-1]
        return "" if any(why in said for why in ONLY_NAMED) else said
    return f"it does not know {rest}" if rest else ""


def test_each_command_in_a_document_is_one_that_the_program_has(capsys: pytest.CaptureFixture[str]) -> None:
    wrong, tried = [], 0
    for path in documents():
        for line in commands(path.read_text(encoding="utf-8")):
            if words := words_of(line):
                tried += 1
                if fault := fault_of(words, capsys):
                    wrong.append(f"{path.relative_to(ROOT)}: {line}: {fault}")
    assert wrong == []
    assert tried > 60


@pytest.mark.parametrize(
    "line", ["andamio doctor --quick", "andamio backups x", "docker compose run --rm tools audit prove", "andamio keys nobody"]
)
def test_one_that_it_has_not_is_found(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert fault_of(words_of(line) or [], capsys)
