import json

import httpx
import pytest

from deploy.journey import words
from deploy.journey.facts import Sandbox
from deploy.journey.report import Facts, JourneyFault, Report


def broken() -> Facts:
    raise JourneyFault("the gate answered 200")


def away() -> Facts:
    raise httpx.ConnectError("refused")


def test_a_step_as_promised_is_told_with_what_came_back(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(road="grant", language="en", as_json=True)
    assert report.take("discovery", "Reads", lambda: {"keys": 2})
    assert report.finish() == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["road"], document["lang"], document["fault"]) == (True, "grant", "en", None)
    [step] = document["steps"]
    assert (step["name"], step["title"], step["ok"], step["came_back"]) == ("discovery", "Reads", True, {"keys": 2})
    assert isinstance(step["milliseconds"], int)


@pytest.mark.parametrize(("act", "says"), [(broken, "Reads: the gate answered 200"), (away, "Reads: ConnectError: refused")])
def test_a_broken_promise_ends_in_one_sentence_and_a_failure(act: object, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(act)
    report = Report(road="grant", language="en", as_json=True)
    assert not report.take("discovery", "Reads", act)
    assert report.finish() == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["fault"], document["steps"][0]["ok"]) == (False, says, False)


def test_people_get_a_line_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(road="grant", language="en", as_json=False)
    report.take("discovery", "Reads [the keys]", lambda: {"issuer": "http://localhost"})
    report.finish()
    said = capsys.readouterr().out
    assert "Reads [the keys]" in said
    assert "issuer: http://localhost" in said


@pytest.mark.parametrize("path", [("pay",), ("identity", "clients", "web"), ("identity", "list", 3)])
def test_a_missing_key_of_the_sandbox_is_named(path: tuple[str | int, ...]) -> None:
    sandbox = Sandbox({"identity": {"list": []}})
    with pytest.raises(JourneyFault, match=r"sandbox\.json has no " + r"\.".join(map(str, path))):
        sandbox.value(*path)


def test_every_step_has_a_title_in_both_languages() -> None:
    for english, spanish in words.TITLES.values():
        assert english.strip()
        assert spanish.strip()
        assert english != spanish
