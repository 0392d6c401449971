"""Company registers: the one in memory and the one over HTTP keep one contract; odd answers count as being away."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from deploy.sandbox.registry.companies import Companies
from deploy.sandbox.registry.companies import Entry as Kept
from identity.providers.company_register import (
    CompanyRegister,
    CompanyRegisterAway,
    Entry,
    ListCompanyRegister,
    RestCompanyRegister,
)
from shared.http import OutboundTimeout, Reply
from shared.run import parse_run

ACTOR, OTHER = parse_run("11111111-1"), parse_run("22222222-2")
ENTRY = Entry("E-1", parse_run("76543210-3"), "Panadería", ACTOR, ("sign",), 2, date(2026, 1, 1), date(2026, 12, 31), True)
KEPT = Kept(
    entry="E-1",
    rut="76543210-3",
    name="Panadería",
    run=str(ACTOR),
    powers=("sign",),
    joint=2,
    valid_from="2026-01-01",
    valid_until="2026-12-31",
    may_pass_on=True,
)


class Wire:
    """The sandbox's register behind an outbound client."""

    def __init__(self, companies: Companies) -> None:
        self.companies = companies

    def request(self, method: str, url: str, *, json: dict[str, str] | None = None, timeout_seconds: float) -> Reply:
        path = url.removeprefix("https://register.example")
        if method == "POST":
            assert path == "/v1/companies/entries"
            return _reply({"entries": self.companies.entries_of((json or {})["run"])})
        return _reply({"changes": self.companies.changes(int(path.removeprefix("/v1/companies/changes?after=")))})


def _reply(body: object, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(body).encode())


def in_memory(_: Any) -> tuple[CompanyRegister, Callable[[], None]]:
    made = ListCompanyRegister([ENTRY])
    return made, lambda: made.strike("E-1")


def over_http(folder: Any) -> tuple[CompanyRegister, Callable[[], None]]:
    companies = Companies(folder / "registry" / "companies.json", [KEPT])
    made = RestCompanyRegister(Wire(companies), url="https://register.example")  # type: ignore[arg-type]  # what is used of it
    return made, lambda: _strike(companies)


def _strike(companies: Companies) -> None:
    assert companies.set_in_force("E-1", in_force=False) is not None


@pytest.mark.rule("identity", "RP-4")
@pytest.mark.parametrize("make", [in_memory, over_http])
def test_entries_and_changes_say_the_same_in_both(make: Callable[[Any], tuple[CompanyRegister, Callable[[], None]]], tmp_path: Any) -> None:
    register, strike = make(tmp_path)
    assert register.entries_of(ACTOR) == [ENTRY]
    assert register.entries_of(OTHER) == []
    assert register.changes(0) == []
    strike()
    assert register.entries_of(ACTOR) == []
    (change,) = register.changes(0)
    assert (change.number, change.entry, change.in_force) == (1, ENTRY, False)
    assert register.changes(1) == []


def test_what_was_struck_out_stays_so_after_a_restart(tmp_path: Any) -> None:
    path = tmp_path / "registry" / "companies.json"
    _strike(Companies(path, [KEPT]))
    again = Companies(path, [KEPT])
    assert again.entries_of(str(ACTOR)) == []
    assert len(again.changes(0)) == 1
    assert again.set_in_force("E-9", in_force=True) is None


@pytest.mark.rule("identity", "RP-5")
@pytest.mark.parametrize(
    "answer",
    [
        _reply({}),
        _reply([]),
        _reply({"entries": [{}], "changes": [{}]}),
        _reply({"entries": [{"entry": "E", "rut": "1-1", "name": "x", "run": str(ACTOR), "powers": [], "valid_from": "2026-01-01"}]}),
        _reply({"entries": [{**_reply({}).headers, "entry": "E", "rut": "x"}], "changes": None}),
        _reply({"entries": [], "changes": []}, 500),
        Reply(200, {}, b"no json"),
        OutboundTimeout("slow"),
    ],
)
def test_odd_answers_count_as_being_away(answer: Reply | Exception) -> None:
    class Odd:
        def request(self, *_: object, **__: object) -> Reply:
            if isinstance(answer, Exception):
                raise answer
            return answer

    register = RestCompanyRegister(Odd(), url="https://register.example")  # type: ignore[arg-type]  # what is used of it
    with pytest.raises(CompanyRegisterAway):
        register.entries_of(ACTOR)
    with pytest.raises(CompanyRegisterAway):
        register.changes(0)
    with pytest.raises(CompanyRegisterAway):
        RestCompanyRegister(Odd(), url="").entries_of(ACTOR)  # type: ignore[arg-type]  # as above


def test_an_answer_about_somebody_else_is_not_taken(tmp_path: Any) -> None:
    class Wrong(Wire):
        def request(self, *_: object, **__: object) -> Reply:
            return _reply({"entries": self.companies.entries_of(str(ACTOR))})

    register = RestCompanyRegister(Wrong(Companies(tmp_path / "c.json", [KEPT])), url="https://x.example")  # type: ignore[arg-type]  # as above
    with pytest.raises(CompanyRegisterAway):
        register.entries_of(OTHER)
