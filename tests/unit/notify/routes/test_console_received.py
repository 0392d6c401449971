"""What people write to a service, for its team without code: texts, and that they want no more e-mails; notify-api §7, §8, §20."""

import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from notify.context import Notify
from notify.models import InboundNumber
from notify.models.messages import open_row
from notify.models.notification import Notification
from notify.operations.received_texts import SHOWN_SIZE, Incoming, give_number, take_text
from notify.operations.unsubscribing import unsubscribe_link
from tests.factories.notify import World, add_notification, make_world
from tests.factories.notify_console import soup, submit

pytestmark = pytest.mark.rule("notify", "§20", "NO-3")
NUMBER = "447700900555"


def page_of(world: World, name: str = "received") -> str:
    return f"/services/{world.service_id}/{name}"


def say(notify: Notify, words: str) -> None:
    assert take_text(notify, Incoming("mmg", words[:100], "447700900123", NUMBER, words))


def actions(notify: Notify, action: str) -> int:
    with notify.reading() as tx:
        return sum(action in str(core) for core in tx.connection.execute(text("select core from audit_entries")).scalars())


@pytest.mark.rule("notify", "§7")
def test_texts_are_read_by_the_team_page_by_page_and_it_is_noted(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    client, path = team("auditor"), page_of(world)
    assert "no tiene un número" in client.get(path).text
    give_number(notify, world.service_id, NUMBER)
    for number in range(SHOWN_SIZE + 1):
        say(notify, f"texto {number}")
    first = soup(client.get(path))
    (older,) = first.select("a[rel=next]")
    second = soup(client.get(str(older["href"])))
    words = [cell.text for page in (first, second) for cell in page.select("tbody td.console-words")]
    assert sorted(words) == sorted(f"texto {number}" for number in range(SHOWN_SIZE + 1))
    assert second.select("a[rel=next]") == []
    assert "+44 7700 900123" in first.text
    assert actions(notify, "notify:received_text:viewed") == 2
    assert client.get(path + "?older_than=x").status_code == 404
    assert soup(client.get(f"{path}?older_than={uuid.uuid4()}")).select("tbody tr") == []
    assert team("org-other:owner").get(path).status_code == 404


def test_a_text_is_words_and_nothing_else(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    give_number(notify, world.service_id, NUMBER)
    say(notify, "<script>alert(1)</script>\u202egnp")
    page = soup(team("auditor").get(page_of(world)))
    assert page.select("main script") == []
    assert "<script>" in page.select("td.console-words")[0].text


def test_the_operator_gives_and_takes_numbers_and_nobody_else_does(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    operator, owner, path = team("operator"), team("owner"), page_of(world)
    numbers = path + "/numbers"
    assert submit(owner, numbers, {"number": NUMBER}, page=page_of(world, "settings")).status_code == 403
    for _ in range(2):
        assert submit(operator, numbers, {"number": "+44 7700 900555"}, page=path).status_code == 303
    with notify.reading() as tx:
        assert list(tx.connection.execute(select(InboundNumber.number)).scalars()) == [NUMBER]
    other = make_world(notify)
    theirs = page_of(other)
    for wrong in (NUMBER, "", "12", "hola"):
        assert submit(operator, theirs + "/numbers", {"number": wrong}, page=theirs).status_code == 422
    assert submit(operator, theirs + "/numbers", {"number": NUMBER, "release": "1"}, page=theirs).status_code == 303
    say(notify, "sigue siendo de la primera")
    for _ in range(2):
        assert submit(operator, numbers, {"number": NUMBER, "release": "1"}, page=path).status_code == 303
    assert take_text(notify, Incoming("mmg", "z", "447700900123", NUMBER, "a nadie")) is None
    assert "sigue siendo" in operator.get(path).text
    assert [actions(notify, f"notify:inbound_number:{word}") for word in ("given", "released")] == [1, 1]


@pytest.mark.rule("notify", "§8")
def test_who_wants_no_more_is_listed_downloaded_and_dealt_with(
    client: FlaskClient, team: Callable[..., FlaskClient], world: World, notify: Notify
) -> None:
    made = [add_notification(world, "email", to=to) for to in ("=cmd@example.com", "jose@example.com")]
    with notify.reading() as tx:
        rows = tx.connection.execute(select(Notification.__table__).where(Notification.id.in_(made))).all()
    for row in rows:
        assert client.post(urlsplit(unsubscribe_link(notify, open_row(row, notify.cipher))).path).status_code == 200
    agent, path = team("agent"), page_of(world, "unsubscribes")
    page = soup(agent.get(path))
    assert sorted(cell.text for cell in page.select("tbody th")) == ["=cmd@example.com", "jose@example.com"]
    report = submit(agent, path + "/report", page=path)
    assert report.text.lstrip("\ufeff").splitlines()[0] == "email_address,template,requested_at"
    assert "'=cmd@example.com" in report.text
    ids = page.select_one("input[name=ids]")
    assert ids is not None
    stranger = make_world(notify, org_id="org-other")
    theirs = submit(team("operator"), page_of(stranger, "unsubscribes"), {"ids": ids["value"]}, page=page_of(stranger, "settings"))
    assert theirs.status_code == 303  # and changes nothing here
    assert len(soup(agent.get(path)).select("tbody tr")) == 2
    assert submit(agent, path, {"ids": "x y"}).status_code == 400
    assert submit(team("auditor"), path, {"ids": ids["value"]}).status_code == 403
    for _ in range(2):
        assert submit(agent, path, {"ids": ids["value"]}, page=page_of(world, "messages")).status_code == 303
    assert soup(agent.get(path)).select("tbody tr") == []
    assert [actions(notify, f"notify:unsubscribe:{word}") for word in ("processed",)] == [1]
    assert actions(notify, "notify:unsubscribe:viewed") >= 2
