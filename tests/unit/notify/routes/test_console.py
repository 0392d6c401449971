"""The console: who gets in, what each role may do, and each page's work.  Spec: requirements NO-3, NO-8, NO-16."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from notify.context import Notify
from notify.models import Service
from notify.models.template import Template
from shared.clock import FixedClock
from tests.factories.notify import ADDRESS, World, add_guest, add_notification, add_template
from tests.factories.notify_console import ORG, soup, submit
from tests.factories.notify_fixtures import RunJobs

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def home(world: World) -> str:
    return f"/services/{world.service_id}"


def actions(notify: Notify) -> list[str]:
    with notify.reading() as tx:
        cores = tx.connection.execute(text("select core from audit_entries")).scalars().all()
    return [str(core) for core in cores]


@pytest.mark.rule("notify", "§20")
def test_who_has_no_role_of_a_service_sees_none(team: Callable[..., FlaskClient], world: World) -> None:
    assert team().get("/").status_code == 403
    stranger = team("org-other:owner")
    assert "Colegio" not in stranger.get("/").text
    refused = stranger.get(home(world))
    assert refused.status_code == 404
    assert soup(refused).select_one("main h1")
    assert stranger.get(home(world) + "/templates").status_code == 404


@pytest.mark.rule("notify", "§20")
@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("owner", {"view", "send", "edit", "manage"}),
        ("developer", {"view", "send", "edit", "manage"}),
        ("agent", {"view", "send"}),
        ("supplier", {"view", "edit"}),
        ("auditor", {"view"}),
        ("operator", {"view", "send", "edit", "manage"}),
    ],
)
def test_each_role_may_do_its_own(team: Callable[..., FlaskClient], world: World, role: str, may: set[str]) -> None:
    client, template = team(role), f"{home(world)}/templates/{world.templates['email']}"
    for right, path in {
        "view": template,
        "send": template + "/send",
        "edit": template + "/edit",
        "manage": home(world) + "/settings/keys",
    }.items():
        assert client.get(path).status_code == (200 if right in may else 403), (role, right)


def test_every_page_asks_staff_for_a_second_factor_also_to_look(team: Callable[..., FlaskClient], world: World) -> None:
    client = team("owner", acr="1")
    for path in ("/services/new", home(world), home(world) + "/settings/keys"):
        answer = client.get(path)
        assert answer.status_code == 303
        assert "level=2" in answer.headers["Location"]


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


@pytest.mark.rule("notify", "§20", "§12")
def test_one_message_is_filled_in_looked_at_and_sent(
    team: Callable[..., FlaskClient], world: World, notify: Notify, run_jobs: RunJobs
) -> None:
    client, path = team("agent"), f"{home(world)}/templates/{world.templates['sms']}/send"
    wrong = submit(client, path, {"recipient": "123", "value-name": "Camila"})
    assert [link["href"] for link in soup(wrong).select(".govuk-error-summary a")] == ["#recipient", "#value-2"]
    values = {"recipient": "07700 900 001", "value-name": "Camila", "value-amount": "$1"}
    checked = submit(client, path, values)
    assert "Hola Camila: recibimos su pago de $1." in soup(checked).select_one(".message").text  # type: ignore[union-attr]
    assert notify.sms.messages == []  # type: ignore[attr-defined]  # nothing leaves before the person says so
    sent = submit(client, path, values | {"send": "1"})
    assert sent.status_code == 303
    run_jobs()
    (text_message,) = notify.sms.messages  # type: ignore[attr-defined]
    assert text_message.to == "447700900001"
    assert "Handed over" in client.get(sent.headers["Location"] + "?lang=en").text
    assert any("notify:notification:accepted" in core and "staff:staff-1" in core for core in actions(notify))
    assert any("notify:notification:viewed" in core for core in actions(notify))


def test_a_letter_by_hand_says_what_is_wrong_with_its_address(team: Callable[..., FlaskClient], world: World) -> None:
    client, path = team("agent"), f"{home(world)}/templates/{world.templates['letter']}/send"
    wrong = submit(client, path, {"value-address_line_1": "Camila", "value-name": "C", "value-amount": "1"})
    assert [link["href"] for link in soup(wrong).select(".govuk-error-summary a")] == ["#value-1"]
    right = submit(client, path, {f"value-{key}": value for key, value in ADDRESS.items()} | {"value-name": "C", "value-amount": "1"})
    assert right.status_code == 200
    assert soup(right).select("img.message__page")


@pytest.mark.rule("notify", "§12")
def test_on_trial_a_person_sends_to_the_team_only(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(restricted=True))
    notify.catalogue.forget()
    client, path = team("agent"), f"{home(world)}/templates/{world.templates['email']}/send"
    form = {"recipient": "a@b.com", "value-name": "C", "value-amount": "1", "send": "1"}
    assert submit(client, path, form).status_code == 422
    add_guest(world, "a@b.com")
    assert submit(client, path, form).status_code == 303


def test_the_key_that_stands_for_the_console_is_shown_to_nobody(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    path = f"{home(world)}/templates/{world.templates['email']}/send"
    client = team("owner")
    submit(client, path, {"recipient": "a@b.com", "value-name": "C", "value-amount": "1", "send": "1"})
    listed = client.get(home(world) + "/settings/keys").text
    assert "console" not in soup(client.get(home(world) + "/settings/keys")).main.text  # type: ignore[union-attr]
    assert listed.count("<tr") == 4  # the heading and the three of the world
    notify.catalogue.forget()
    known = notify.catalogue.find_service(world.service_id)
    assert known is not None
    (key,) = (key for key in known.keys if key.id == uuid.uuid5(world.service_id, "console"))
    assert key.secret not in listed


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


@pytest.mark.rule("notify", "§20")
def test_a_service_is_started_on_trial_and_taken_live_by_the_operator_alone(team: Callable[..., FlaskClient], notify: Notify) -> None:
    owner, operator = team("owner"), team("operator")
    assert submit(owner, "/services/new", {"name": "", "org_id": ORG}).status_code == 422
    assert submit(owner, "/services/new", {"name": "X", "org_id": "org-other"}).status_code == 403
    made = submit(owner, "/services/new", {"name": "Horas médicas", "org_id": ORG}).headers["Location"]
    assert "En prueba" in owner.get("/").text
    assert submit(owner, made + "/settings/stage", {"live": "1"}, page=made + "/settings").status_code == 403
    assert submit(operator, made + "/settings/stage", {"live": "1"}, page=made + "/settings").status_code == 303
    with notify.reading() as tx:
        assert tx.connection.execute(select(Service.restricted).where(Service.name == "Horas médicas")).scalar_one() is False


def test_the_name_changes_and_a_template_moves_between_folders(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    client = team("owner")
    assert submit(client, home(world) + "/settings", {"name": " "}).status_code == 422
    assert submit(client, home(world) + "/settings", {"name": "Liceo Los Boldos"}).status_code == 303
    known = notify.catalogue.find_service(world.service_id)
    assert known is not None
    assert (known.name, known.prefix_sms) == ("Liceo Los Boldos", False)
    assert "Liceo Los Boldos" in client.get(home(world)).text
    with notify.db.begin() as connection:
        connection.execute(update(Template).where(Template.id == world.templates["sms"]).values(folder="Pagos"))
    listed = soup(client.get(home(world) + "/templates?folder=Pagos")).select("tbody th")
    assert len(listed) == 1


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


@pytest.mark.rule("notify", "§20")
def test_providers_are_for_the_operator_who_gives_them_their_share(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    assert team("owner").get("/providers").status_code == 403
    operator = team("operator")
    add_notification(world, "sms", status="delivered", provider="gateway", sent_at=notify.clock.now())
    rows = [[cell.text for cell in row.select("th, td")][:5] for row in soup(operator.get("/providers?lang=en")).select("tbody tr")]
    assert ["gateway", "Text message", "1", "1", "0"] in rows
    assert submit(operator, "/providers/sms/gateway", {"weight": "0"}, page="/providers").status_code == 303
    assert notify.catalogue.provider_weights("sms") == {"gateway": 0}
    assert "Detenido" in operator.get("/providers?lang=es").text
    for weight in ("-1", "x", "1001"):
        assert submit(operator, "/providers/sms/gateway", {"weight": weight}, page="/providers").status_code == 400
    assert submit(operator, "/providers/sms/other", {"weight": "1"}, page="/providers").status_code == 404


@pytest.mark.rule("notify", "§17", "§20")
def test_what_has_not_left_is_taken_back_by_a_person(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    later = notify.clock.now() + timedelta(hours=1)
    waiting, letter = add_notification(world, "sms", scheduled_for=later), add_notification(world, "letter", to="Camila")
    gone = add_notification(world, "sms", status="sending")
    client = team("agent")
    for made in (waiting, letter):
        path = f"{home(world)}/messages/{made}"
        assert submit(client, path + "/cancel", page=path).status_code == 303
        assert "Detenido" in client.get(path).text
        assert soup(client.get(path)).select("#cancel") == []
    shown = f"{home(world)}/messages/{gone}"
    assert soup(client.get(shown)).select("#cancel") == []
    late = submit(client, shown + "/cancel", page=f"{home(world)}/messages")
    assert (late.status_code, "Ya no se puede detener" in late.text) == (422, True)
    unknown = f"{home(world)}/messages/{uuid.uuid4()}/cancel"
    assert submit(client, unknown, page=f"{home(world)}/messages").status_code == 404
    assert submit(team("auditor"), f"{home(world)}/messages/{waiting}/cancel", page=f"{home(world)}/messages").status_code == 403
    assert sum("notification:cancelled" in core and "staff:staff-1" in core for core in actions(notify)) == 2


@pytest.mark.rule("notify", "§20")
def test_a_message_is_sent_at_a_moment_that_a_person_chose(
    team: Callable[..., FlaskClient], world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
) -> None:
    client, path = team("agent"), f"{home(world)}/templates/{world.templates['sms']}/send"
    form = {"recipient": "07700900003", "value-name": "C", "value-amount": "1", "send": "1"}
    local = clock.now().astimezone(notify.zone)
    for wrong in (local - timedelta(minutes=1), local + timedelta(hours=25), "mañana", "2026-13-40T99:99"):
        typed = wrong if isinstance(wrong, str) else f"{wrong:%Y-%m-%dT%H:%M}"
        refused = submit(client, path, form | {"when": typed})
        assert (refused.status_code, [link["href"] for link in soup(refused).select(".govuk-error-summary a")]) == (422, ["#when"])
    assert submit(client, path, form | {"when": f"{local + timedelta(hours=2):%Y-%m-%dT%H:%M}"}).status_code == 303
    run_jobs()
    assert notify.sms.messages == []  # type: ignore[attr-defined]  # the one in memory
    clock.advance(seconds=2 * 3600)
    run_jobs()
    assert len(notify.sms.messages) == 1  # type: ignore[attr-defined]


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
