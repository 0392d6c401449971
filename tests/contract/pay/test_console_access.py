"""Every page of the console, taken from the application itself: for its office alone, and no forged form moves anything."""

import re

import pytest

from tests.conformance.pay.test_console import Desk
from tests.factories.pay import World

ID, UUID = "0123456789abcdefghijklmnop", "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def world(standing_world: World) -> World:
    return standing_world


def console(world: World, start: str, **known: str) -> list[tuple[str, str, str]]:
    """Method, rule and address of each page below `start`; what is not known stands as some id."""
    found = []
    for rule in world.app.url_map.iter_rules():
        if rule.rule.startswith(start):
            path = re.sub(r"<(?:(\w+):)?(\w+)>", lambda part: known.get(part[2], UUID if part[1] == "uuid" else ID), rule.rule)
            found += [(method, rule.rule, path) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return found


def knock(desk: Desk, method: str, path: str) -> int:
    return (desk.get(path) if method == "GET" else desk.send(path, "/receipt")).status_code


@pytest.mark.rule("pay", "A17", "I9", "§23")
def test_another_offices_pages_are_not_there(world: World) -> None:
    payment_id = world.paid()
    stranger = Desk(world, "zoe", "org-otra:owner")
    pages = console(world, "/console/accounts/<account_id>", account_id=world.till.account_id, payment_id=payment_id)
    pages += console(world, "/console/payments/<payment_id>", payment_id=payment_id)
    assert len(pages) > 50
    wrong = [(method, rule) for method, rule, path in pages if knock(stranger, method, path) != 404]
    assert wrong == []


@pytest.mark.rule("pay", "§23", "§16")
def test_a_form_without_its_mark_moves_nothing_on_any_page(world: World) -> None:
    olga = Desk(world, "olga", "operator")
    forms = [(rule, path) for method, rule, path in console(world, "/console", account_id=world.till.account_id) if method == "POST"]
    assert len(forms) > 30
    for mark in ({}, {"csrf_token": "x"}):
        assert [rule for rule, path in forms if olga.client.post(path, data=mark).status_code not in {400, 403}] == []


@pytest.mark.rule("pay", "§23")
def test_who_did_not_sign_in_is_sent_to_sign_in_from_every_page(world: World) -> None:
    for method, rule, path in console(world, "/console"):
        answer = world.client().open(path, method=method)
        is_sent = answer.status_code == 303 and answer.headers["Location"].startswith("/login?")
        assert is_sent or (method == "POST" and answer.status_code in {303, 400, 401, 403}), (method, rule)
