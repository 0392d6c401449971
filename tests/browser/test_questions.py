"""What others ask a person, answered by keyboard: a screen's code, a call, a service that wants data; and the inspector of the sandbox."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from identity.context import Identity
from identity.models.client_logo import ClientLogo
from identity.models.finders import find_credentials, run_index
from identity.models.remote_request import RemoteKind
from identity.operations import register
from identity.operations.remote_requests import add
from identity.providers.pictures import as_small_png
from identity.standards import rfc8628
from shared.run import parse_run
from tests.browser.chromium import Looker, visiting
from tests.conformance.identity.test_ciba import channel
from tests.engines import Engines
from tests.factories.identity import PASSWORD, RUN, SECRET, authorization, web_client
from tests.factories.identity_live import LiveIdentity, live_identity

pytestmark = [pytest.mark.timeout(240)]
TERMS = {"policy_uri": "https://banco.example/privacy", "tos_uri": "https://banco.example/terms"}


def furnish(identity: Identity) -> None:
    """A screen, a call centre, and a private service that shows what it is."""
    grants = ("authorization_code", rfc8628.GRANT_TYPE)
    kiosk = web_client(client_id="kiosk", policy="public", native=True, redirect_uris=("cl.example.app:/cb",), sector="kiosk.example")
    register.create_client(identity, replace(kiosk, grant_types=grants, post_logout_redirect_uris=()), actor="test")
    register.create_client(identity, channel("channel"), actor="test")
    names = {"": "Bicycles on loan", "es": "Bicicletas a préstamo ñandú"}
    shown = web_client(client_id="shown", service_id="service-private", names=names, **TERMS)
    register.create_client(identity, shown, actor="test", secret=SECRET)
    drawn = BytesIO()
    Image.new("RGB", (96, 48), (18, 77, 135)).save(drawn, "PNG")
    client = identity.clients.find("shown")
    assert client is not None
    with identity.transaction() as tx:
        tx.session.add(ClientLogo(client_id=client.id, picture=as_small_png(drawn.getvalue()), fetched_at=identity.clock.now()))


@pytest.fixture(scope="module")
def live(engines: Engines, run_folder: Path) -> Iterator[LiveIdentity]:
    with live_identity(engines, run_folder, furnish=furnish) as running:
        yield running


def ask_by_telephone(identity: Identity) -> None:
    """An agent asks; the number that the person hears is 42."""
    run = parse_run(RUN)
    client = identity.clients.find("channel")
    assert client is not None
    with identity.transaction() as tx:
        found = find_credentials(tx.connection, identity.cipher, run)
        assert found is not None
        values: dict[str, object] = {
            "scopes": ["openid", "profile", "run"],
            "whom_index": run_index(identity.cipher, run),
            "person_id": found.person_id,
            "binding_message": "Caso 4711",
            "match_code": "42",
            "interval_seconds": 5,
        }
        add(identity, tx, client, RemoteKind.CIBA, identity.ids.token(32), life_seconds=600, **values)


@pytest.mark.rule("identity", "§3.13", "§2.19", "CB-9", "RG-6")
@pytest.mark.parametrize(("language", "width"), [("es", 360), ("en", 1280)])
def test_questions_are_answered_by_keyboard(chromium: Browser, live: LiveIdentity, language: str, width: int) -> None:
    base = live.origin
    asked = live.app.test_client().post("/openid/device_authorization", data={"client_id": "kiosk", "scope": "openid run"}).json
    ask_by_telephone(live.identity)
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "questions", language=language, width=width)
        page.goto(base + "/device")
        looker.look("device")
        looker.type_in("#user_code", asked["user_code"])
        looker.press("main form button")
        looker.type_in("[autocomplete~=username]", RUN)
        looker.type_in("[autocomplete~=current-password]", PASSWORD)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        looker.look("screen-asks")
        looker.press("button[value=grant]")
        looker.look("screen-done")
        page.goto(base + "/account")
        looker.press("main a[href$='/account/requests']")
        looker.look("waiting")
        looker.press("main li a")
        looker.look("call-asks")
        looker.type_in("#match_code", "42")
        looker.press("button[value=grant]")
        looker.look("call-done")
        wanted = authorization(client_id="shown", scope="openid profile run", prompt="login consent", ui_locales=language)
        page.goto(f"{base}/openid/authorize?{urlencode(wanted)}")
        looker.look("who-asks")
        expect(page.locator("main")).to_contain_text("Bicicletas" if language == "es" else "Bicycles")
        expect(page.locator("main img")).to_have_js_property("naturalWidth", 96)
        looker.type_in("[autocomplete~=username]", RUN)
        looker.type_in("[autocomplete~=current-password]", PASSWORD)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        looker.look("consent")
        expect(page.locator("dl.govuk-summary-list")).to_have_css("display", "table" if width > 640 else "block")
        for path in ("/inspector?client_id=shown", "/trust", "/account/requests"):
            page.goto(base + path)
            looker.look(path.strip("/").partition("?")[0].replace("/", "-"))
