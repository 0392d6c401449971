"""The console: who gets in, what each role may do, and services started and named.  Spec: requirements NO-3, NO-8, NO-16."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from notify.context import Notify
from notify.models import Service
from notify.models.template import Template
from tests.factories.notify import World
from tests.factories.notify_console import ORG, home, soup, submit


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
