import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from deploy.rigs import clock

SHOW = "from shared.clock import SystemClock; print(SystemClock().now().timestamp())"


def test_processes_follow_the_file(tmp_path: Path) -> None:
    environment = {**os.environ, **clock.environment(tmp_path)}

    def ahead() -> float:
        shown = subprocess.run([sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True, check=True).stdout
        return float(shown) - datetime.now(UTC).timestamp()

    assert abs(ahead()) < 30
    clock.set_off(tmp_path, 3600)
    assert abs(ahead() - 3600) < 30
