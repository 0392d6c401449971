"""What the tools find in our code: formatting, mistakes, types, layers, what is insecure.  Nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
TOOLS = {
    "ruff check": ("-m", "ruff", "check", "."),
    "ruff format": ("-m", "ruff", "format", "--check", "."),
    "import-linter": ("-c", LAYERS),
    "bandit": ("-m", "bandit", "-q", "-ll", "-c", "pyproject.toml", "-r", "identity", "notify", "pay", "wallet", "shared", "deploy"),
    "mypy": ("-m", "mypy"),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tool", TOOLS)
def test_it_finds_nothing(tool: str) -> None:
    done = subprocess.run([sys.executable, *TOOLS[tool]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
