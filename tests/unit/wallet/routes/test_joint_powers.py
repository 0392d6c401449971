"""Acting together: powers that end between two yeses, and what one of several may do alone.  Spec: wallet contract §6 D1, D2, D7."""

import uuid
from typing import Any

import pytest

from tests.factories.wallet import OTHER_RUN, RUN, World
from tests.unit.wallet.operations.test_person_notices import run_messages
from tests.unit.wallet.routes.test_delegations import consent_of, main_of, post
from tests.unit.wallet.routes.test_joint_decisions import COMPANY, NAMES, SUBJECT, THIRD, Board, board
from tests.unit.wallet.routes.test_previews import asked as preview_asked
from wallet.operations import delegation_checks
from wallet.operations.accounts import take_event
from wallet.providers.mandates import MandatesUnavailable, read_mandates
from wallet.providers.notices import MemoryNotices
from wallet.standards import account_events
from wallet.standards.account_events import AccountEvent
from wallet.standards.acting import Kind

__all__ = ["board"]
CHILD = "26543218-2"


@pytest.mark.rule("wallet", "D1")
@pytest.mark.rule("wallet", "D7")
def test_a_power_that_ended_between_two_yeses_takes_its_yes_with_it(world: World, board: Board) -> None:
    board.ask()
    board.say(RUN)
    board.register.by_delegate[RUN] = []
    world.clock.advance(seconds=25 * 3600)  # a day later the register is asked again about those who said yes
    board.say(OTHER_RUN)
    assert (board.state(), board.consents()) == ("pending", 0)
    assert NAMES[RUN] not in main_of(board.page(THIRD))
    board.say(THIRD)
    assert (board.state(), board.consents()) == ("accepted", 1)
    consent_id = consent_of(world, COMPANY, "cl-rut")["consent_id"]
    assert f"{NAMES[OTHER_RUN]}, {NAMES[THIRD]}, por" in main_of(board.officer(THIRD).get(f"/consents/{consent_id}"))


@pytest.mark.rule("wallet", "D1")
def test_while_the_register_is_away_nobody_finishes_what_another_began_days_ago(world: World, board: Board) -> None:
    board.ask()
    board.say(RUN)
    world.clock.advance(seconds=25 * 3600)
    browser = board.officer(OTHER_RUN)
    page = browser.get(f"/requests/{board.request}")
    board.register.is_away = True
    assert world.submit(browser, page, "grant").status_code == 503
    assert board.consents() == 0
    board.register.is_away = False
    assert world.submit(browser, page, "grant").status_code == 303
    assert board.consents() == 1


@pytest.mark.rule("wallet", "D1")
def test_a_power_that_became_joint_while_she_read_decides_nothing_alone(world: World, board: Board) -> None:
    board.appoint(RUN, joint=1)
    board.ask()
    browser = board.officer(RUN)
    page = browser.get(f"/requests/{board.request}")
    world.run_sql("update delegations set checked_at = checked_at - interval '2 days'")
    board.appoint(RUN, joint=2)
    answer = world.submit(browser, page, "grant")  # the register is asked within this very call
    assert (answer.status_code, board.consents()) == (403, 0)
    assert "Acaba de cambiar" in main_of(answer)
    assert world.submit(browser, page, "grant").status_code == 303
    assert (board.state(), board.consents()) == ("pending", 0)


@pytest.mark.rule("wallet", "§11")
def test_a_stolen_account_takes_its_yes_back_and_pauses_what_it_helped_to_give(world: World, board: Board) -> None:
    def stolen(run: str) -> None:
        now = world.clock.now()
        event = AccountEvent(jti=uuid.uuid4().hex, uri=account_events.COMPROMISED, sub=f"sub-{run}", at=now, members={})
        take_event(world.wallet, event)

    board.ask()
    board.say(RUN)
    board.say(OTHER_RUN)
    board.ask()
    board.say(RUN)
    stolen(RUN)
    given = consent_of(world, COMPANY, "cl-rut")
    assert (given["state"], given["state_reason"]) == ("suspended", "credential_compromise")
    board.say(OTHER_RUN)
    assert board.state() == "pending"
    address = f"/consents/{given['consent_id']}"
    assert "Dejar que siga" not in main_of(board.officer(OTHER_RUN).get(address))  # no button to let it go on alone
    assert post(board.officer(OTHER_RUN), f"{address}/pause", on=address, decision="resume").status_code == 403


@pytest.mark.rule("wallet", "D6")
def test_one_ends_and_narrows_alone_and_only_who_paused_lets_it_go_on(world: World, board: Board) -> None:
    board.ask()
    board.say(RUN)
    board.say(OTHER_RUN)
    address = f"/consents/{consent_of(world, COMPANY, 'cl-rut')['consent_id']}"
    assert post(board.officer(RUN), f"{address}/pause", on=address, decision="pause").status_code == 303
    assert post(board.officer(OTHER_RUN), f"{address}/pause", on=address, decision="resume").status_code == 403
    assert consent_of(world, COMPANY, "cl-rut")["state"] == "suspended"
    assert post(board.officer(RUN), f"{address}/pause", on=address, decision="resume").status_code == 303
    narrowed = post(board.officer(THIRD), f"{address}/narrow", on=address, drop="issued_on")
    assert narrowed.status_code == 303
    event = world.run_sql("select event_id from consent_events order by event_id desc limit 1")[0][0]
    record = board.officer(THIRD).get(f"/receipts/{event}.jsonld").json["dpv:hasRecordOfActivity"]
    assert record["dpv:hasConsentStatus"][-1]["andamio:delegate"] == NAMES[THIRD]  # who narrowed it, not those who gave it
    assert post(board.officer(OTHER_RUN), f"{narrowed.location}/withdraw", on=narrowed.location).status_code == 200
    states = [row[0] for row in world.run_sql("select state from consents order by consent_version")]
    assert states == ["superseded", "withdrawn"]


@pytest.mark.rule("wallet", "D6")
@pytest.mark.rule("wallet", "X3")
def test_of_a_preview_one_says_no_and_nobody_yes_alone(world: World, board: Board) -> None:
    _, address = preview_asked(world, subject=SUBJECT)
    browser = board.officer(RUN)
    for decision, status in (("send", 403), ("keep", 303)):
        assert post(browser, address, on=address, decision=decision).status_code == status, decision
    assert world.run_sql("select state from previews")[0][0] == "declined"


@pytest.mark.rule("wallet", "D7")
def test_what_two_guardians_gave_ends_with_the_power_of_either(world: World, board: Board) -> None:
    for run in (RUN, OTHER_RUN):
        board.appoint(run, kind=Kind.GUARDIAN, principal=f"cl-run:{CHILD}")
    world.register.people[CHILD] = world.register.people[RUN]
    board.ask(subject={"scheme": "cl-run", "value": CHILD})
    board.say(RUN)
    board.say(OTHER_RUN)
    assert consent_of(world, CHILD)["state"] == "active"
    board.register.by_delegate[RUN] = []  # the first to say yes
    world.clock.advance(seconds=25 * 3600)
    delegation_checks.recheck(world.wallet)
    given = consent_of(world, CHILD)
    assert (given["state"], given["state_reason"]) == ("invalidated", "delegation_ended")


@pytest.mark.rule("wallet", "D6")
def test_those_whose_word_is_missing_are_told_by_name(world: World, board: Board) -> None:
    notices = MemoryNotices()
    world.wallet.__dict__["notices"] = notices
    for run in NAMES:
        board.officer(run)
    board.ask(view="hide")
    board.say(RUN)
    run_messages(world)
    told = {run: letter.subject for run, letter in notices.sent}
    assert told == dict.fromkeys((OTHER_RUN, THIRD), f"{NAMES[RUN]} dijo que sí. También se necesita su decisión")
    assert f"/requests/{board.request}" in notices.sent[0][1].body.splitlines()[0]
    notices.sent.clear()
    board.ask(view="hide")
    board.say(RUN)
    board.say(OTHER_RUN, "refuse")
    run_messages(world)
    assert notices.sent == []  # nothing is missing any more


def row(**changes: Any) -> dict[str, Any]:
    principal = {"scheme": "cl-rut", "value": COMPANY, "name": "Colegio"}
    return {"kind": "company_officer", "principal": principal, "reference": "fojas 7", **changes}


@pytest.mark.rule("wallet", "D1")
@pytest.mark.parametrize("joint", [0, -1, 21, "2", True, 1.5, None, [2]])
def test_a_register_that_does_not_say_with_how_many_is_not_believed(joint: object) -> None:
    with pytest.raises(MandatesUnavailable):
        read_mandates({"mandates": [row(joint=joint)]})
    assert [one.joint for one in read_mandates({"mandates": [row(), row(joint=2)]})] == [1, 2]


@pytest.mark.rule("wallet", "D1")
def test_of_two_entries_for_one_company_the_one_that_needs_fewer_counts(world: World, board: Board) -> None:
    both = read_mandates({"mandates": [row(joint=3), row(), row(joint=2)]})
    board.register.by_delegate[RUN] = both
    board.ask()
    assert board.say(RUN).status_code == 303
    assert (board.state(), board.consents()) == ("accepted", 1)
