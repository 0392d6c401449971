"""Templates in the console: written, looked at, changed, shown as they will be read.  Spec: requirements NO-3; notify-api §6."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from notify.context import Notify
from tests.factories.notify import World, add_template
from tests.factories.notify_console import actions, home, soup, submit

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.mark.rule("notify", "§6")
def test_a_template_is_written_looked_at_changed_and_archived(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    client, base = team("owner"), home(world) + "/templates"
    words = {
        "channel": "email",
        "name": "Aviso",
        "subject": "Hola ((nombre))",
        "body": "# Título\n\nVenga el ((día)). Llame al 800 123 456.",
        "folder": "Horas",
    }
    looked = submit(client, base + "/draft", words | {"look": "1", "value-nombre": "Camila"})
    assert looked.status_code == 200
    assert soup(looked).select_one(".message dd:nth-of-type(2)").text == "Hola Camila"  # type: ignore[union-attr]
    assert soup(looked).select_one(".message h2").text == "Título"  # type: ignore[union-attr]
    kept = submit(client, base + "/draft", words | {"save": "1"})
    assert kept.status_code == 303
    shown = client.get(kept.headers["Location"])
    assert "Rosa" in client.get(kept.headers["Location"] + "/versions").text
    assert "Horas" in shown.text
    changed = submit(client, kept.headers["Location"] + "/edit", words | {"save": "1", "body": "Venga mañana.", "version": "1"})
    assert changed.status_code == 303
    second = client.get(kept.headers["Location"] + "/versions/2")
    assert [tag.text for tag in soup(second).select("del, ins")] == [
        "# Título",
        "",
        "Venga el ((día)). Llame al 800 123 456.",
        "Venga mañana.",
    ]
    stale = submit(client, kept.headers["Location"] + "/edit", words | {"save": "1", "version": "1"})
    assert stale.status_code == 422
    assert submit(client, kept.headers["Location"] + "/archive").status_code == 303
    assert "Aviso" not in client.get(base).text
    assert any("notify:template:archived" in core and "staff:staff-1" in core for core in actions(notify))


@pytest.mark.parametrize("channel", ["email", "sms", "letter", "mailbox"])
def test_a_template_of_each_channel_is_shown_as_it_will_be_read(team: Callable[..., FlaskClient], world: World, channel: str) -> None:
    answer = team("auditor").get(f"{home(world)}/templates/{world.templates[channel]}")
    page = soup(answer)
    if channel == "letter":
        (picture,) = page.select("img.message__page")
        assert str(picture["src"]).startswith("data:image/png;base64,")
        assert "img-src 'self' data:" in answer.headers["Content-Security-Policy"]
    else:
        assert "recibimos su pago de ((amount))" in page.select_one(".message").text.lower()  # type: ignore[union-attr]
        assert "data:" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"subject": ""}, "subject"),
        ({"body": " "}, "body"),
        ({"body": "a\x07b"}, "body"),
        ({"body": "x" * 100_001}, "body"),
    ],
)
def test_what_is_wrong_with_a_template_stands_at_its_field(
    team: Callable[..., FlaskClient], world: World, change: dict[str, str], field: str
) -> None:
    words = {"channel": "email", "name": "Aviso", "subject": "Hola", "body": "Hola", "save": "1"}
    answer = submit(team("owner"), home(world) + "/templates/draft", words | change)
    assert answer.status_code == 422
    assert soup(answer).select_one(f".govuk-error-summary a[href='#{field}']")


def test_what_people_type_is_text(team: Callable[..., FlaskClient], world: World) -> None:
    client = team("owner")
    template = add_template(world, "email", body=f"{EVIL} [x](javascript:alert(1))", subject=EVIL, name=EVIL, folder=EVIL)
    for path in (
        f"/templates/{template}",
        "/templates",
        f"/templates/{template}/edit",
        f"/templates/{template}/versions",
        f"/templates/{template}/send",
    ):
        answer = client.get(home(world) + path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        assert 'href="javascript' not in answer.text
