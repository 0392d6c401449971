import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.bench.load import Target, raw_request
from deploy.rigs import load, report
from deploy.rigs.profiles import PROFILES, Profile
from deploy.rigs.report import Books

RATE, SECONDS = 100.0, 1.0


@pytest.fixture
def server() -> Iterator[str]:
    """Answers 201, 500 and nothing at all in turn, by path."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/silent":
                self.connection.close()
                return
            self.send_response(500 if self.path == "/fault" else 201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


def test_each_request_is_counted_by_what_became_of_it(server: str) -> None:
    targets = {
        name: Target(name, server, [raw_request("POST", f"{server}/{name}", {}, b"x")], frozenset({201}))
        for name in ("right", "fault", "silent")
    }
    profile = Profile("", lambda _share: RATE, dict.fromkeys(targets, 1))
    run = load.begin("test", profile, SECONDS)
    load.send(run, profile, lambda: targets, SECONDS)
    assert RATE * SECONDS * 0.5 < run.sent < RATE * SECONDS * 2
    assert set(run.kinds["right"].statuses) == {201}
    assert set(run.kinds["fault"].statuses) == {500}
    assert run.kinds["silent"].lost
    assert run.wrong == run.kinds["fault"].statuses[500] + sum(kind.lost for kind in run.kinds.values())
    assert len(run.kinds["right"].milliseconds) == run.kinds["right"].statuses[201]
    assert not run.kinds["fault"].milliseconds


def test_refusals_of_what_is_right_are_wrong_and_answers_that_name_a_time_are_not() -> None:
    run = load.Run("", 1.0, {"x": load.Kind([], {200: 1, 201: 1, 400: 1, 403: 2, 429: 4, 503: 8, 500: 16}, lost=32)})
    assert run.wrong == 1 + 2 + 16 + 32


def test_requests_are_made_anew_before_their_proofs_end(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "RENEW_SECONDS", 0.2)
    made: list[Target] = []

    def make() -> dict[str, Target]:
        made.append(Target("right", server, [raw_request("POST", f"{server}/{len(made)}", {}, b"x")], frozenset({201})))
        return {"right": made[-1]}

    profile = Profile("", lambda _share: RATE, {"right": 1})
    load.send(load.begin("test", profile, SECONDS), profile, make, SECONDS)
    assert len(made) > 2


def test_a_benefit_day_is_twenty_times_an_ordinary_one_at_its_height() -> None:
    rate = PROFILES["benefit-day"].rate
    assert (rate(0), rate(0.5)) == (20.0, 400.0)


def test_the_report_says_what_was_not_accounted_for(tmp_path: Path) -> None:
    run = load.Run("ordinary", 1.0, {"POST <x>": load.Kind([1.0, 2.0, 3.0], {201: 3}, 1)})
    page = report.write(tmp_path, run, Books(0.5, ("pay: 2 were accepted and 1 are there",))).read_text()
    assert "POST &lt;x&gt;" in page
    assert "2 were accepted and 1 are there" in page
    said = json.loads((tmp_path / "report.json").read_text())
    assert said["books"]["faults"] == ["pay: 2 were accepted and 1 are there"]
    assert said["kinds"]["POST <x>"]["p50_ms"] == 2.0
