"""What the operator sets for a service: how much it may send, whether it is open; and finding one among many; notify-api §2, §11, §20."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from notify.operations.service_limits import LIMITS
from tests.factories.notify import VALUES, World, add_notification, make_world
from tests.factories.notify_console import ORG, soup, submit

pytestmark = pytest.mark.rule("notify", "§20")


def page_of(world: World, name: str = "limits") -> str:
    return f"/services/{world.service_id}/settings/{name}"


def form(**changes: str) -> dict[str, str]:
    return dict.fromkeys(LIMITS, "100") | changes


def send(client: FlaskClient, world: World) -> Any:
    body = {"phone_number": "07700900003", "template_id": str(world.templates["sms"]), "personalisation": VALUES}
    return client.post("/v2/notifications/sms", json=body, headers=world.headers())


@pytest.mark.rule("notify", "§11")
def test_the_operator_sets_limits_and_they_hold(
    client: FlaskClient, team: Callable[..., FlaskClient], world: World, notify: Notify
) -> None:
    operator, path = team("operator"), page_of(world)
    assert submit(operator, path, form(daily_sms="1")).status_code == 303
    assert soup(operator.get(path)).select_one("#daily_sms")["value"] == "1"  # type: ignore[index]  # it is there
    assert [send(client, world).status_code for _ in range(2)] == [201, 429]
    assert team("owner").get(path).status_code == 403


def test_limits_that_are_none_are_told_at_their_field(team: Callable[..., FlaskClient], world: World) -> None:
    operator = team("operator")
    for text in ("", "-1", "1.5", "x", "1000000001", "9" * 40, "١"):
        refused = submit(operator, page_of(world), form(daily_letter=text))
        assert refused.status_code == 422, text
        assert [str(link["href"]) for link in soup(refused).select(".govuk-error-summary a")] == ["#daily_letter"]


@pytest.mark.rule("notify", "§2")
def test_a_service_that_is_closed_sends_nothing_until_it_is_opened(
    client: FlaskClient, team: Callable[..., FlaskClient], world: World, notify: Notify
) -> None:
    operator, settings = team("operator"), page_of(world, "").rstrip("/")
    assert submit(team("owner"), page_of(world, "closed"), {"open": "0"}, page=settings).status_code == 403
    assert send(client, world).status_code == 201
    assert submit(operator, page_of(world, "closed"), {"open": "0"}, page=settings).status_code == 303
    refused = send(client, world)
    assert (refused.status_code, refused.get_json()["errors"][0]["message"]) == (403, "Invalid token: service is archived")
    by_hand = f"/services/{world.service_id}/templates/{world.templates['sms']}/send"
    asked = {"recipient": "07700900003", "value-name": "C", "value-amount": "1", "send": "1"}
    assert submit(operator, by_hand, asked).status_code == 403
    assert "cerrado" in operator.get(f"/services/{world.service_id}").text
    add_notification(world, "sms")
    assert operator.get(f"/services/{world.service_id}/messages").status_code == 200  # what it sent can still be seen
    assert submit(operator, page_of(world, "closed"), {"open": "1"}, page=settings).status_code == 303
    assert send(client, world).status_code == 201


@pytest.mark.rule("notify", "§14")
def test_what_stands_before_the_at_of_its_mails_is_chosen(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    owner, path = team("owner"), page_of(world, "").rstrip("/")
    for written, kept in (
        ("Mesa de Ayuda ñ", "mesa.de.ayuda.n"),
        ("a@b.com\r\nBcc: x", "ab.com.bcc.x"),
        ("", "liceo.los.boldos"),
        ("..", "notify"),
    ):
        assert submit(owner, path, {"name": "Liceo Los Boldos", "mail_name": written}).status_code == 303
        known = notify.catalogue.find_service(world.service_id)
        assert known is not None
        assert known.email_local_part == kept


def test_a_service_is_found_by_its_name_among_many(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    make_world(notify, name="Liceo 100 %_ Los Boldos", org_id=ORG)
    make_world(notify, name="Liceo ajeno", org_id="org-other")
    owner = team("owner")

    def found(query: str) -> list[str]:
        return [link.text for link in soup(owner.get(f"/?name={query}")).select("tbody th a")]

    assert found("") == ["Colegio Las Araucarias", "Liceo 100 %_ Los Boldos"]
    assert found("LICEO") == found("%25_") == ["Liceo 100 %_ Los Boldos"]
    assert found("%00nada") == found("x" * 5000) == []
    assert "ningún servicio suyo" in owner.get("/?name=nada").text.lower()
