"""node-oidc-provider beside ours: installed from its lock file, one process, in-memory store."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.errors import CannotStart

HERE = Path(__file__).with_name("node")
INSTALLED = Path(__file__).resolve().parents[2] / "var" / "bench"
STOP_SECONDS_MAX = 10


def missing() -> str | None:
    """Return what keeps the peer from being measured, in words, or None."""
    absent = [name for name in ("node", "npm") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not installed (Node 20 or newer is needed)" if absent else None


def install() -> Path:
    """Return the folder with the peer in it, installed once for each content of the lock file.  Raises: CannotStart."""
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = INSTALLED / f"node-{digest}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotStart(f"node-oidc-provider could not be installed: {done.stderr[-400:]}")
        (folder / "done").touch()
    shutil.copy(HERE / "server.mjs", folder)
    return folder


@contextlib.contextmanager
def serving(port: int, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Serve the peer while the block runs, and give its issuer with the tokens it made to measure with.  Raises: CannotStart."""
    issuer = f"http://127.0.0.1:{port}"
    bench = json.dumps({**asked, "issuer": issuer, "port": port})
    environment = {**os.environ, "BENCH": bench, "NODE_ENV": "production"}
    process = subprocess.Popen(
        ["node", "server.mjs"], cwd=install(), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("{"):
            process.kill()
            raise CannotStart(f"node-oidc-provider did not start: {(process.communicate()[1] or line)[-400:]}")
        yield {"issuer": issuer, **json.loads(line)}
    finally:
        process.terminate()
        process.wait(STOP_SECONDS_MAX)
