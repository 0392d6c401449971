"""Brands: a team asks, the operator decides, mails and letters carry what was approved.  Spec: notify-api §20; requirements NO-3."""

import io
import uuid
from collections.abc import Callable

import pypdf
import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select, text

from notify.context import Notify
from notify.events import Event
from notify.models import Brand
from notify.models.brand import BRANDS, BrandState
from notify.operations.letters import get_letter_file
from notify.providers.memory import MemoryEmail
from notify.standards.logos import HEIGHT, WIDTH, NotALogo, as_logo, colour
from tests.factories.notify import ADDRESS, VALUES, World, make_world
from tests.factories.notify_console import ORG, submit
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§20", "NO-3")


ENDED = {"ended": Event.BRAND_ENDED.value}


def picture(kind: str = "PNG", size: tuple[int, int] = (600, 200)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "#b3261e").save(out, kind)
    return out.getvalue()


def page_of(world: World) -> str:
    return f"/services/{world.service_id}/settings/brand"


def ask(client: FlaskClient, world: World, **changes: object) -> int:
    form = {"name": "Municipalidad de Quilpalín", "colour": "#6b0f1a", "logo": (io.BytesIO(picture()), "logo.png")} | changes
    return submit(client, page_of(world), form).status_code


def send(client: FlaskClient, world: World, channel: str, **to: object) -> str:
    body = {"template_id": str(world.templates[channel]), "personalisation": VALUES | to.pop("values", {}), **to}  # type: ignore[operator]
    answer = client.post(f"/v2/notifications/{channel}", json=body, headers=world.headers())
    return str(answer.json["id"])


def mail(notify: Notify) -> str:
    assert isinstance(notify.email, MemoryEmail)
    return notify.email.messages[-1].html


def test_what_was_asked_for_is_carried_once_it_was_approved(
    team: Callable[..., FlaskClient], client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs
) -> None:
    owner, operator = team("owner"), team("operator")
    assert ask(owner, world) == 303
    assert "Espera aprobación" in owner.get(page_of(world)).text
    with notify.reading() as tx:
        brand_id = tx.connection.execute(select(Brand.id)).scalar_one()
    send(client, world, "email", email_address="a@example.com")
    run_jobs()
    assert "Municipalidad" not in mail(notify)
    assert client.get(f"/brands/{brand_id}/logo.png").status_code == 404
    assert submit(owner, f"/brands/{brand_id}", {"act": "approve"}, page=page_of(world)).status_code == 403
    assert submit(operator, f"/brands/{brand_id}", {"act": "approve"}, page="/brands").status_code == 303
    send(client, world, "email", email_address="a@example.com")
    letter = uuid.UUID(send(client, world, "letter", values=ADDRESS))
    run_jobs()
    assert "Municipalidad de Quilpalín" in mail(notify)
    assert "background: #6b0f1a" in mail(notify)
    assert f"/brands/{brand_id}/logo.png" in mail(notify)
    got = client.get(f"/brands/{brand_id}/logo.png")
    assert (got.status_code, got.content_type, Image.open(io.BytesIO(got.data)).size) == (200, "image/png", (360, HEIGHT))
    pdf = get_letter_file(notify, world.service_id, letter).pdf
    assert [image.name for image in pypdf.PdfReader(io.BytesIO(pdf)).pages[0].images]
    assert submit(owner, f"{page_of(world)}/{brand_id}/end", page=page_of(world)).status_code == 303
    send(client, world, "email", email_address="a@example.com")
    run_jobs()
    assert "Municipalidad" not in mail(notify)


def test_one_for_the_whole_organisation_reaches_its_other_services_and_nobody_else(
    team: Callable[..., FlaskClient], world: World, notify: Notify
) -> None:
    owner, operator = team("owner"), team("operator")
    sister, stranger = make_world(notify, org_id=ORG), make_world(notify, org_id="org-other")
    ask(owner, world, logo=(io.BytesIO(b""), ""))
    with notify.reading() as tx:
        brand_id = tx.connection.execute(select(Brand.id)).scalar_one()
    submit(operator, f"/brands/{brand_id}", {"act": "approve-all"}, page="/brands")
    assert submit(operator, f"/brands/{brand_id}", {"act": "refuse"}, page="/brands").status_code == 404

    def brand(service: World) -> str | None:
        known = notify.catalogue.find_service(service.service_id)
        return known.brand.name if known and known.brand else None

    assert (brand(world), brand(sister), brand(stranger)) == ("Municipalidad de Quilpalín", "Municipalidad de Quilpalín", None)
    assert submit(owner, f"{page_of(world)}/{brand_id}/end", page=page_of(world)).status_code == 404
    assert "Municipalidad de Quilpalín" in owner.get(page_of(world)).text
    ask(team("owner"), sister, name="Biblioteca", logo=(io.BytesIO(b""), ""))
    with notify.reading() as tx:
        own = tx.connection.execute(select(Brand.id).where(Brand.name == "Biblioteca")).scalar_one()
    submit(operator, f"/brands/{own}", {"act": "approve"}, page="/brands")
    assert (brand(world), brand(sister)) == ("Municipalidad de Quilpalín", "Biblioteca")
    assert submit(operator, f"/brands/{brand_id}", {"act": "end"}, page="/brands").status_code == 303
    assert (brand(world), brand(sister)) == (None, "Biblioteca")


def test_a_new_brand_ends_the_one_before_whose_picture_stays_in_mails_that_arrived(
    team: Callable[..., FlaskClient], client: FlaskClient, world: World, notify: Notify
) -> None:
    owner, operator = team("owner"), team("operator")
    for name in ("Uno", "Dos", "Tres"):  # the second is taken back by the third
        ask(owner, world, name=name, logo=(io.BytesIO(picture()), "logo.png"))
        if name == "Uno":
            assert submit(operator, f"/brands/{brand_ids(notify)[name]}", {"act": "approve"}, page="/brands").status_code == 303
    ids = brand_ids(notify)
    assert submit(operator, f"/brands/{ids['Tres']}", {"act": "approve"}, page="/brands").status_code == 303
    with notify.reading() as tx:
        states = dict(tx.connection.execute(select(Brand.name, Brand.state)).all())  # type: ignore[arg-type]  # pairs
        said = tx.connection.execute(text("SELECT core::jsonb->>'object' FROM audit_entries WHERE core::jsonb->>'action' = :ended"), ENDED)
        ended = {uuid.UUID(each) for each in said.scalars()}
    assert states == {"Uno": "ended", "Dos": "ended", "Tres": "approved"}
    assert ended == {ids["Uno"], ids["Dos"]}
    assert [client.get(f"/brands/{ids[name]}/logo.png").status_code for name in ("Uno", "Dos", "Tres")] == [200, 404, 200]


def test_a_services_own_page_ends_nothing_of_others_whoever_asks(team: Callable[..., FlaskClient], world: World, notify: Notify) -> None:
    sister = make_world(notify, org_id=ORG)
    ask(team("owner"), world, name="Uno", logo=(io.BytesIO(b""), ""))
    brand_id, operator = brand_ids(notify)["Uno"], team("operator")
    assert submit(operator, f"{page_of(sister)}/{brand_id}/end", page="/brands").status_code == 404
    submit(operator, f"/brands/{brand_id}", {"act": "approve-all"}, page="/brands")
    assert submit(operator, f"{page_of(world)}/{brand_id}/end", page="/brands").status_code == 404
    assert submit(operator, f"/brands/{brand_id}", {"act": "end"}, page="/brands").status_code == 303


def brand_ids(notify: Notify) -> dict[str, uuid.UUID]:
    with notify.reading() as tx:
        return dict(tx.connection.execute(select(Brand.name, Brand.id)).all())  # type: ignore[arg-type]  # pairs


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "Uno\x1bDos"},
        {"name": "x" * 81},
        {"colour": "#ffd54a"},
        {"colour": "red"},
        {"colour": "#000;}</style>"},
        {"logo": (io.BytesIO(b"<svg onload='x()'/>"), "logo.svg")},
        {"logo": (io.BytesIO(picture("GIF")), "logo.gif")},
    ],
)
def test_what_cannot_be_used_is_told_at_its_field(team: Callable[..., FlaskClient], world: World, wrong: dict[str, object]) -> None:
    assert ask(team("owner"), world, **wrong) == 422


def test_pictures_are_made_anew_and_kept_small() -> None:
    told = io.BytesIO()
    Image.new("RGB", (1000, 900)).save(told, "JPEG", comment=b"secret place", icc_profile=b"secret device" * 20)
    made = as_logo(told.getvalue())
    found = Image.open(io.BytesIO(made))
    assert "icc_profile" not in found.info
    assert (found.format, b"secret" in made) == ("PNG", False)
    assert found.size[0] <= WIDTH
    assert found.size[1] <= HEIGHT
    with pytest.raises(NotALogo):
        as_logo(picture(size=(4097, 10)))
    with pytest.raises(NotALogo):
        as_logo(b"\0" * (500 * 1024 + 1))


@pytest.mark.parametrize(
    ("text", "kept"),
    [("#124D87", "#124d87"), (" #000000 ", "#000000"), ("#767676", "#767676"), ("#777777", None), ("", None), ("#12", None)],
)
def test_white_words_can_be_read_on_a_colour(text: str, kept: str | None) -> None:
    assert colour(text) == kept


def test_a_brand_is_decided_once() -> None:
    assert BRANDS.finals() == {BrandState.REFUSED, BrandState.ENDED}
    assert not BRANDS.allows(BrandState.APPROVED, BrandState.REFUSED)
