"""What a team sets in the console: keys, senders, guests, callbacks, addresses that are not written to.  Spec: requirements NO-3."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from tests.factories.notify import World
from tests.factories.notify_console import actions, home, soup, submit


@pytest.mark.rule("notify", "§12")
def test_a_key_is_shown_once_and_ended(team: Callable[..., FlaskClient], world: World) -> None:
    client, path = team("owner"), home(world) + "/settings/keys"
    made = submit(client, path, {"name": "Reservas", "kind": "team"})
    key = soup(made).select_one("#new-key")
    assert key is not None
    assert key.text.startswith(f"Reservas-{world.service_id}-")
    assert key.text not in client.get(path).text
    assert submit(client, path, {"name": "Reservas", "kind": "team"}).status_code == 422
    assert submit(client, path, {"name": "Otra", "kind": "root"}).status_code == 422
    ended = str(soup(client.get(path)).select("a[href$=revoke]")[0]["href"])
    assert submit(client, ended).status_code == 303
    assert "Terminó el" in client.get(path).text


def test_what_no_page_of_ours_sends_is_told_and_is_no_fault_of_ours(team: Callable[..., FlaskClient], world: World) -> None:
    client, base = team("owner"), home(world)
    for path, form in (
        ("/settings", {"name": "a\x00b"}),
        ("/settings/keys", {"name": "a\x00b", "kind": "test"}),
        ("/settings/files", {"contact": "a\x00b"}),
        ("/messages", {"reference": "a\x00b"}),
        (f"/templates/{world.templates['sms']}/edit", {"name": "x", "body": "Hola", "folder": "a\x00b", "save": "1", "version": "1"}),
    ):
        refused = submit(client, base + path, form)
        assert (refused.status_code, "Lo que envió no se puede guardar" in refused.text) == (400, True)
    assert client.get(f"{base}/templates/{world.templates['sms']}/versions/{10**20}").status_code == 400


@pytest.mark.rule("notify", "§15", "§20")
def test_senders_have_one_default_that_cannot_be_archived(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    client, path = team("owner"), home(world) + "/settings/senders"
    for bad in (
        {"channel": "sms", "value": "0012345"},
        {"channel": "sms", "value": "ñandú!"},
        {"channel": "email", "value": "x"},
        {"channel": "fax", "value": "x"},
    ):
        assert submit(client, path, bad).status_code == 422
    for value in ("COLEGIO", "ARAUCARIA"):
        assert submit(client, path, {"channel": "sms", "value": value}).status_code == 303
    known = notify.catalogue.find_service(world.service_id)
    assert known is not None
    assert known.default_sender("sms") == "COLEGIO"
    first, second = (sender.id for sender in sorted(known.senders, key=lambda sender: sender.value != "COLEGIO"))
    assert submit(client, f"{path}/{first}", {"archive": "1"}, page=path).status_code == 422
    assert submit(client, f"{path}/{second}", {"default": "1"}, page=path).status_code == 303
    assert submit(client, f"{path}/{first}", {"archive": "1"}, page=path).status_code == 303
    assert "COLEGIO" not in client.get(path).text


@pytest.mark.rule("notify", "§12")
def test_the_guest_list_holds_five_and_five(team: Callable[..., FlaskClient], world: World) -> None:
    client, path = team("owner"), home(world) + "/settings/guests"
    assert submit(client, path, {"guests": "a@b.com\n07700900001\n11.111.111-1"}).status_code == 303
    assert "a@b.com" in client.get(path).text
    assert submit(client, path, {"guests": "\n".join(f"a{n}@b.com" for n in range(6))}).status_code == 422
    kept = submit(client, path, {"guests": "what is this"})
    assert kept.status_code == 422
    assert "what is this" in kept.text


@pytest.mark.rule("notify", "§18")
def test_the_callback_is_https_with_a_long_token_which_is_not_shown_again(team: Callable[..., FlaskClient], world: World) -> None:
    client, path = team("owner"), home(world) + "/settings/callback/delivery_status"
    assert submit(client, path, {"url": "https://example.com/c", "bearer": "short"}).status_code == 422
    assert "whsec_" in submit(client, path, {"url": "https://example.com/c", "bearer": "long-enough-token"}).text
    again = client.get(path).text
    assert "https://example.com/c" in again
    assert "long-enough-token" not in again


def test_staff_see_why_an_address_is_not_written_to_and_can_lift_it(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    client, path = team("owner"), home(world) + "/settings/suppressions"
    assert submit(client, path, {"address": "nobody"}).status_code == 422
    assert submit(client, path, {"address": "camila@example.com"}).status_code == 303
    page = soup(client.get(path))
    assert "camila@example.com" in page.select_one("tbody").text  # type: ignore[union-attr]
    lifting = str(page.select("form[action$=lift]")[0]["action"])
    assert submit(client, lifting, page=path).status_code == 303
    assert "camila@example.com" not in client.get(path).text
    assert submit(client, lifting, page=path).status_code == 404
    assert any("notify:address:suppression_lifted" in core for core in actions(notify))
