"""Saved lists: looked at row by row, offered where they fit, seen by who may send, gone in time.  Spec: notify-api §20; NO-3."""

import io
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from notify.context import Notify
from notify.models import ContactList
from notify.operations import contact_lists
from notify.operations.contact_lists import KEPT_DAYS, forget_lists, list_lists
from shared.clock import FixedClock
from tests.factories.notify import World, add_template
from tests.factories.notify_console import sign_in, soup, submit
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§20")
Team = Callable[..., FlaskClient]
GOOD = "Celular;Name;Monto;\n07700900001;Camila;$1;\n07700900002;José;=1+1;\n"
FORM = {"name": "Apoderados", "channel": "sms", "days": "30"}


def home(world: World) -> str:
    return f"/services/{world.service_id}/lists"


def save(client: FlaskClient, world: World, data: str | bytes = GOOD, **changes: str) -> TestResponse:
    raw = data.encode() if isinstance(data, str) else data
    return submit(client, home(world) + "/new", FORM | changes | {"file": (io.BytesIO(raw), "apoderados.csv")})


def saved(client: FlaskClient, world: World, data: str | bytes = GOOD, **changes: str) -> str:
    """Save a list and give its address."""
    answer = save(client, world, data, **changes)
    assert answer.status_code == 303, soup(answer).main
    return answer.headers["Location"]


def events(notify: Notify) -> list[str]:
    with notify.reading() as tx:
        cores = " ".join(tx.connection.execute(text("select core from audit_entries order by entry_id")).scalars())
    assert "07700" not in cores
    return [word for word in ("kept", "used", "taken", "deleted") if f"notify:contact_list:{word}" in cores]


def test_a_list_is_saved_once_and_sent_with_again(team: Team, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    client, path = team("agent"), f"/services/{world.service_id}/templates/{world.templates['sms']}"
    address = saved(client, world, GOOD.replace("Monto", "amount"))
    assert [cell.text for cell in soup(client.get(home(world))).select("tbody td")][:3] == ["Mensaje de texto", "2", "todavía no"]
    for _ in range(2):
        (form,) = soup(client.get(path + "/upload")).select("form[action*='/lists/']")
        columns = submit(client, str(form["action"]), page=path + "/upload").headers["Location"]
        assert notify.sms.messages == []  # type: ignore[attr-defined]  # nothing goes before the rows were looked at
        matched = {"column-0": "0", "column-1": "1", "column-2": "2"}
        assert "2 filas están bien" in submit(client, columns, matched).text
        assert submit(client, columns, matched | {"send": "1"}).status_code == 303
        run_jobs()
        bodies = sorted(message.body.partition(": ")[2] for message in notify.sms.messages)  # type: ignore[attr-defined]
        assert bodies == ["Hola Camila: recibimos su pago de $1.", "Hola José: recibimos su pago de =1+1."]
        notify.sms.messages.clear()  # type: ignore[attr-defined]
    assert "todavía no" not in client.get(address).text
    assert events(notify) == ["kept", "used"]


def test_a_list_is_offered_where_it_has_the_columns(team: Team, world: World) -> None:
    client = team("agent")
    saved(client, world)
    without, with_name = add_template(world, "sms", body="Hola."), add_template(world, "sms", body="Hola ((NAME)).")
    for template, offered in (
        (world.templates["sms"], False),  # which asks for an amount
        (world.templates["email"], False),
        (without, True),
        (with_name, True),
    ):
        page = soup(client.get(f"/services/{world.service_id}/templates/{template}/upload"))
        assert bool(page.select("#lists")) is offered


@pytest.mark.parametrize(
    ("channel", "data", "faults"),
    [
        ("sms", "celular\n12\n07700900001\nx\n", ["2Faltan números", "4"]),
        ("email", "correo,x\na@b.com,1\nnobody,2\n,3\n", ["3", "4"]),
        ("mailbox", "RUN\n11.111.111-1\n11.111.111-2\n", ["3"]),
        ("letter", "address line 1,address line 2,postcode\nCamila,Los Aromos 12,SW1 1AA\nCamila,,SW1 1AA\n", ["3"]),
    ],
)
def test_no_list_with_a_wrong_row_is_kept_and_each_is_named(
    team: Team, world: World, notify: Notify, channel: str, data: str, faults: list[str]
) -> None:
    client = team("agent")
    answer = save(client, world, data, channel=channel)
    assert answer.status_code == 422
    rows = [row.text for row in soup(answer).select("tbody tr")]
    assert len(rows) == len(faults)
    assert all(row.startswith(fault) for row, fault in zip(rows, faults, strict=True))
    assert list_lists(notify, world.service_id) == []
    kept = "\n".join(line for number, line in enumerate(data.splitlines(), 1) if not any(fault.startswith(str(number)) for fault in faults))
    saved(client, world, kept, channel=channel)


@pytest.mark.parametrize(
    ("data", "changes", "field"),
    [
        (GOOD, {"name": " "}, "name"),
        (GOOD, {"name": "x" * 256}, "name"),
        (GOOD, {"name": "a\x00"}, "name"),
        (GOOD, {"channel": "fax"}, "channel"),
        (GOOD, {"days": "3650"}, "days"),
        (GOOD, {"days": "٣٠"}, "days"),
        ("", {}, "file"),
        ("name\nCamila\n", {}, "file"),
        (GOOD, {"channel": "letter"}, "file"),
        (b"PK\x03\x04", {}, "file"),
        ('celular\n"07700900001\n', {}, "file"),
    ],
)
def test_what_is_wrong_with_a_list_stands_at_its_field(
    team: Team, world: World, notify: Notify, data: str | bytes, changes: dict[str, str], field: str
) -> None:
    answer = save(team("agent"), world, data, **changes)
    assert answer.status_code == 422
    assert field in {str(link["href"])[1:] for link in soup(answer).select(".govuk-error-summary a")}
    assert list_lists(notify, world.service_id) == []


def test_what_a_list_holds_is_encrypted_and_leaves_with_a_row_in_the_log(team: Team, world: World, notify: Notify) -> None:
    client = team("agent")
    address = saved(client, world, "Celular;Name\n07700900001;<b>Camila\n07700900002;=1+1\n", name="<b>Apoderados")
    with notify.reading() as tx:
        assert b"Camila" not in bytes(tx.connection.execute(select(ContactList.sealed)).scalar_one())
    shown = client.get(address).text
    assert ("<b>Apoderados" in shown, "Camila" in shown, "07700" in shown) == (False, False, False)
    answer = submit(client, address + "/file", page=address)
    assert answer.text.lstrip("\ufeff").splitlines() == ["Celular,Name", "07700900001,<b>Camila", "07700900002,'=1+1"]
    assert events(notify) == ["kept", "taken"]


def test_a_list_is_for_who_may_send_for_its_service(app: Flask, team: Team, world: World) -> None:
    address, messages = saved(team("agent"), world), f"/services/{world.service_id}/messages"
    pages = (home(world), home(world) + "/new", address, address + "/delete")
    for role in ("auditor", "supplier"):
        client = team(role)
        assert [client.get(path).status_code for path in pages] == [403] * 4
        use = f"/services/{world.service_id}/templates/{world.templates['sms']}/lists/{address.rpartition('/')[2]}"
        for path in (address + "/file", address + "/delete", use):
            assert submit(client, path, page=messages).status_code == 403
    assert [sign_in(app, "org-other:owner").get(path).status_code for path in pages] == [404] * 4
    assert team("agent").get(f"{home(world)}/{uuid.uuid4()}").status_code == 404


def test_a_list_of_another_service_is_not_there(team: Team, world: World, notify: Notify) -> None:
    client = team("operator")
    address = saved(client, world)
    other = submit(client, "/services/new", {"name": "Otro", "org_id": "org-x"}).headers["Location"]
    foreign = address.replace(f"/services/{world.service_id}", other)
    assert [client.get(foreign + tail).status_code for tail in ("", "/delete")] == [404, 404]
    for tail in ("/file", "/delete"):
        assert submit(client, foreign + tail, page=address).status_code == 404
    assert len(list_lists(notify, world.service_id)) == 1


def test_a_list_is_deleted_by_its_team_or_when_its_time_is_over(team: Team, world: World, notify: Notify, clock: FixedClock) -> None:
    client = team("agent")
    first, second = saved(client, world), saved(client, world, days=str(KEPT_DAYS[-1]))
    assert submit(client, first + "/delete").status_code == 303
    assert submit(client, first + "/delete", page=second).status_code == 404
    third = saved(client, world)
    clock.advance(seconds=30 * 24 * 3600)
    with notify.reading() as tx:
        assert len(tx.connection.execute(select(ContactList.id)).all()) == 2
    assert [card.keep_until.year for card in list_lists(notify, world.service_id)] == [2027]  # the other is over, though still there
    assert (forget_lists(notify), forget_lists(notify)) == (1, 0)
    assert team("agent").get(third).status_code == 404
    assert events(notify) == ["kept", "deleted"]


def test_a_service_keeps_so_many_lists(team: Team, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_lists, "LISTS_MAX", 1)
    client = team("agent")
    saved(client, world)
    answer = save(client, world)
    assert answer.status_code == 422
    assert soup(answer).select_one(".govuk-error-summary a[href='#file']")
