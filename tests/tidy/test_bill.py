"""The bill of materials (CycloneDX) that `make security` writes: every package that we ship, by name, version and hash."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements/runtime.txt"


def test_it_names_every_package_that_is_locked_and_nothing_else(tmp_path: Path) -> None:
    written = tmp_path / "sbom.cdx.json"
    command = ["requirements", "--pyproject", "pyproject.toml", "--output-reproducible", "-o", str(written), str(LOCK)]
    subprocess.run([sys.executable, "-m", "cyclonedx_py", *command], cwd=ROOT, check=True, capture_output=True)
    bill = json.loads(written.read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "andamio")
    locked = re.findall(r"^([\w.-]+)==([^\s;\\]+)", LOCK.read_text(), re.MULTILINE)
    assert sorted((part["name"], part["version"]) for part in bill["components"]) == sorted(locked)
    assert all(part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}" for part in bill["components"])
