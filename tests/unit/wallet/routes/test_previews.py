"""The person sees the data before they go on.  Spec: wallet contract §8.3 X3, X4."""

import uuid
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from tests.factories.counted import forgotten
from tests.factories.wallet import LAW, LAW_AGREEMENT, MARKER, OTHER_RUN, World
from wallet.operations.consents import withdraw
from wallet.operations.previews import forget_previews

BY_LAW = {"kind": "law", "law_reference": LAW, "agreement_id": LAW_AGREEMENT}


def asked(world: World, **changes: Any) -> tuple[dict[str, Any], str]:
    body = world.exchange_body(**{"basis": BY_LAW, "preview": True, **changes})
    answer = world.fetch(body)
    assert answer.status_code == 202, answer.json
    assert int(answer.headers["Retry-After"]) > 0
    assert MARKER not in answer.text
    return body, str(answer.json["preview_uri"]).removeprefix("http://localhost")


def press(browser: FlaskClient, path: str, decision: str) -> Any:
    form = BeautifulSoup(browser.get(path).text, "html.parser").select_one("main form")
    assert form is not None
    token = str(form.select_one("input[name=csrf_token]")["value"])  # type: ignore[index]  # every form has one
    return browser.post(path, data={"csrf_token": token, "decision": decision})


def code(answer: Any) -> str:
    return str(answer.json["type"]).removeprefix("urn:andamio:problem:")


def held(world: World) -> list[Any]:
    return [row[0] for row in world.run_sql("select held from previews where held is not null")]


@pytest.mark.rule("wallet", "X3")
def test_she_looks_says_yes_and_the_same_request_gets_them_once(world: World) -> None:
    body, page = asked(world)
    browser = world.browser()
    assert page in browser.get("/").text
    assert MARKER in browser.get(page).text
    again = world.fetch(body)
    assert (again.status_code, len(world.register.orders)) == (202, 1), "the register is asked once"
    assert press(browser, page, "send").status_code == 303
    look = world.app.test_client().get(f"/exchange/v1/requests/{body['request_id']}", headers=world.bearer())
    assert look.json["state"] == "approved"
    answer = world.fetch(body)
    assert answer.status_code == 200
    assert MARKER in answer.text
    assert held(world) == []
    assert [core["outcome"] for core in world.log()] == ["attempt", "previewed", "attempt", "released"]
    assert len({core["txn"] for core in world.log()}) == 1
    assert code(world.fetch(body)) == "preview_gone"


@pytest.mark.rule("wallet", "X3")
def test_she_says_no_and_nothing_is_left(world: World) -> None:
    body, page = asked(world)
    browser = world.browser()
    press(browser, page, "keep")
    assert held(world) == []
    assert code(world.fetch(body)) == "preview_declined"
    assert world.log()[-1]["outcome"] == "preview_declined"
    assert "Usted dijo que no" in browser.get(page).text
    assert "Usted los miró y dijo que no" in browser.get("/access-log").text


@pytest.mark.rule("wallet", "X3")
def test_after_a_quarter_of_an_hour_they_are_gone_by_the_clock_alone(world: World) -> None:
    body, page = asked(world)
    browser = world.browser()
    token = BeautifulSoup(browser.get(page).text, "html.parser").select_one("input[name=csrf_token]")
    assert token is not None
    world.clock.advance(seconds=15 * 60)
    assert MARKER not in browser.get(page).text
    assert browser.post(page, data={"csrf_token": str(token["value"]), "decision": "send"}).status_code == 409
    assert code(world.fetch(body)) == "preview_gone"
    assert page not in browser.get("/").text
    with forgotten("wallet") as gone:
        assert (forget_previews(world.wallet), forget_previews(world.wallet)) == (1, 0)
    assert gone == {"previews": 1}
    assert held(world) == []


@pytest.mark.rule("wallet", "X3", "S3")
def test_a_withdrawal_between_look_and_release_wins(world: World) -> None:
    consent_id = world.granted()
    body, page = asked(world, basis={"kind": "consent", "consent_id": consent_id})
    press(world.browser(), page, "send")
    withdraw(world.wallet, world.presence(), uuid.UUID(consent_id))
    assert code(world.fetch(body)) == "consent_withdrawn"
    assert held(world) == []


@pytest.mark.rule("wallet", "X3", "X4")
def test_only_the_person_looks_and_what_is_held_is_unreadable(world: World) -> None:
    body, page = asked(world)
    assert world.browser(OTHER_RUN).get(page).status_code == 404
    assert MARKER.encode() not in bytes(held(world)[0])
    other = world.app.test_client().get(f"/exchange/v1/requests/{body['request_id']}", headers=world.bearer("other-consumer"))
    assert (other.status_code, code(other)) == (404, "preview_not_found")
    txn = page.rpartition("/")[2]
    assert f"/access-log/{txn}/ask" in world.browser().get(page).text
    assert world.browser().get(f"/access-log/{txn}/ask").status_code == 200


def test_nobody_in_the_register_needs_no_look(world: World) -> None:
    world.register.people.clear()
    answer = world.fetch(world.exchange_body(basis=BY_LAW, preview=True))
    assert (answer.status_code, answer.json["reason"]) == (200, "no_record")
