"""What was sent, in the console: found, read page by page, reported and proven.  Spec: requirements NO-3, NO-12."""

import uuid
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from tests.factories.notify import World, add_notification
from tests.factories.notify_console import actions, home, soup, submit


@pytest.mark.rule("notify", "§20")
def test_messages_are_found_by_recipient_without_the_recipient_in_an_address(
    team: Callable[..., FlaskClient], world: World, notify: Notify
) -> None:
    client, path = team("auditor"), home(world) + "/messages"
    for number in ("07700900001", "07700900002"):
        add_notification(world, "sms", to=number)
    assert "07700900001" in client.get(path).text
    found = submit(client, path, {"recipient": "+44 7700 900002"})
    assert [link.text for link in soup(found).select("tbody th a")] == ["07700900002"]
    assert submit(client, path, {"recipient": "nobody at all"}).status_code == 422
    assert [link.text for link in soup(client.get(path + "?channel=email")).select("tbody th a")] == []
    assert any("notify:service:searched" in core for core in actions(notify))


def test_the_report_is_a_table_that_runs_nothing(team: Callable[..., FlaskClient], world: World) -> None:
    add_notification(world, "sms", reference="=HYPERLINK(1)")
    report = submit(team("auditor"), home(world) + "/messages/report", page=home(world) + "/messages")
    heading, line = report.text.lstrip("\ufeff").splitlines()
    assert heading.startswith("id,channel,status,recipient")
    assert "'=HYPERLINK(1)" in line


def test_pages_of_messages_go_on_where_the_last_one_ended(team: Callable[..., FlaskClient], world: World) -> None:
    made = {str(add_notification(world, "sms")) for _ in range(60)}
    client, path = team("auditor"), home(world) + "/messages"
    first = soup(client.get(path))
    after = first.select_one("input[name=after]")
    assert after is not None
    second = soup(submit(client, path, {"after": after["value"]}))
    ids = [str(link["href"]).rpartition("/")[2] for link in [*first.select("tbody th a"), *second.select("tbody th a")]]
    assert set(ids) == made
    assert len(ids) == 60


@pytest.mark.rule("notify", "NO-12")
def test_the_proof_of_a_message_is_downloaded_by_who_may_see_it(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    made = add_notification(world, "sms", to="07700900001", status="delivered")
    client, path = team("auditor"), f"{home(world)}/messages/{made}"
    (link,) = soup(client.get(path)).select("a[href$='proof.json']")
    answer = client.get(str(link["href"]))
    assert answer.get_json()["message"]["phone_number"] == "07700900001"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="proof-{made}.json"'
    assert client.get(f"{home(world)}/messages/{uuid.uuid4()}/proof.json").status_code == 404
    assert team("org-other:owner").get(path + "/proof.json").status_code == 404
    assert any("proof_given" in core and "staff:staff-1" in core for core in actions(notify))
